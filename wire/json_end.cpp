#include "wire/json_end.hpp"

namespace understudy::wire {

void JsonEnd::feed(std::string_view piece) noexcept {
    for (const char c : piece) {
        if (in_string_) {
            if (escaped_) {
                escaped_ = false;
            } else if (c == '\\') {
                escaped_ = true;
            } else if (c == '"') {
                in_string_ = false;
            }
        } else if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            begun_ = true;
            ++depth_;
        } else if ((c == '}' || c == ']') && depth_ > 0) {
            --depth_;
        }
    }
}

}  // namespace understudy::wire
