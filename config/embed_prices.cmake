# Turns the price file IN into OUT, a C++ file with the text as a string literal. Indentation goes: it
# would only make the binary larger.
file(READ ${IN} text)
string(REGEX REPLACE "\n +" "\n" text "${text}")
file(WRITE ${OUT} "// Made from config/prices-default.json by config/embed_prices.cmake.
#include \"config/prices.hpp\"

namespace understudy::config {

std::string_view builtin_prices_json() {
    return R\"json(${text})json\";
}

}  // namespace understudy::config
")
