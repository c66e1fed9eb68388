# Turns the price lines IN into OUT, a C++ file with the text as a string literal and what identifies it.
file(READ ${IN} text)
file(MD5 ${IN} digest)
string(SUBSTRING ${digest} 0 8 version)
file(WRITE ${OUT} "// Made from config/prices/builtin.prices by config/prices/embed.cmake.
#include \"config/prices.hpp\"

namespace understudy::config {

std::string_view builtin_price_lines() {
    return R\"prices(${text})prices\";
}

std::string_view builtin_price_digest() {
    return \"${version}\";
}

}  // namespace understudy::config
")
