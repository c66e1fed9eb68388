#include "proxy/rescue/value_edit.hpp"

#include <utility>

namespace understudy::proxy::rescue {

wire::Edit replaced(std::string_view body, dialects::Value value, std::string json) {
    const auto at = static_cast<std::size_t>(value.raw().data() - body.data());
    return {{at, at + value.raw().size()}, std::move(json)};
}

wire::Edit behind_last(std::string_view body, dialects::Value list, std::string json) {
    const auto end =
        static_cast<std::size_t>(list.raw().data() - body.data()) + list.raw().size() - 1;
    if (!list.empty()) json.insert(0, 1, ',');
    return {{end, end}, std::move(json)};
}

}  // namespace understudy::proxy::rescue
