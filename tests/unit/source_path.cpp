#include "source_path.hpp"

namespace understudy::test {

std::string source_path(const std::string& relative) {
    return SOURCE_DIR "/" + relative;
}

}  // namespace understudy::test
