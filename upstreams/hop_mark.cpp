#include "upstreams/hop_mark.hpp"

#include <array>
#include <cstdint>
#include <random>

namespace understudy::upstreams {
namespace {

constexpr std::string_view kName = "understudy-";

std::string make_mark() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::random_device random;
    std::string mark = "1.1 " + std::string(kName);
    for (int i = 0; i < 16; ++i) mark += digits[random() % digits.size()];
    return mark;
}

std::size_t hops_in(std::string_view value) {
    std::size_t hops = 0;
    for (auto at = value.find(kName); at != std::string_view::npos;
         at = value.find(kName, at + kName.size())) {
        ++hops;
    }
    return hops;
}

}  // namespace

const std::string& hop_mark() {
    static const std::string mark = make_mark();
    return mark;
}

bool in_a_loop(const wire::Fields& fields) {
    if (!fields.present().intersects({wire::FieldId::via})) return false;
    const auto name = std::string_view(hop_mark()).substr(4);
    std::size_t hops = 0;
    for (const auto& field : fields) {
        if (field.id != wire::FieldId::via) continue;
        if (field.value.find(name) != std::string_view::npos) return true;
        hops += hops_in(field.value);
    }
    return hops >= kMaxHops;
}

}  // namespace understudy::upstreams
