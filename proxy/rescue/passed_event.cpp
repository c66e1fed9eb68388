#include "proxy/rescue/passed_event.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

bool says_nothing(std::string_view data) {
    return data.find_first_of("{}\"") == std::string_view::npos;
}

void PassedEvent::append_to(std::string& out) {
    std::sort(values_.begin(), values_.end(),
              [](const auto& a, const auto& b) { return a.first.data() < b.first.data(); });
    std::string_view rest = data_;
    for (const auto& [value, json] : values_) {
        const auto before = static_cast<std::size_t>(value.data() - rest.data());
        append_on_one_line(out, rest.substr(0, before));
        out += json;
        rest.remove_prefix(before + value.size());
    }
    append_on_one_line(out, rest);
}

}  // namespace understudy::proxy::rescue
