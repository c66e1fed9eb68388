// JSON that is written once and from one end to the other: objects member by member, lists. Pure.
#pragma once

#include "wire/json_scan.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy::json {

/// One object, member by member.
class Object {
  public:
    Object& add(std::string_view name, std::string_view text) {
        return raw(name, wire::encode_string(text));
    }
    Object& add(std::string_view name, const std::string& text) {
        return add(name, std::string_view(text));
    }
    Object& add(std::string_view name, const char* text) {
        return add(name, std::string_view(text));
    }
    Object& add(std::string_view name, std::uint64_t number) {
        return raw(name, std::to_string(number));
    }
    Object& add(std::string_view name, std::uint32_t number) {
        return raw(name, std::to_string(number));
    }
    Object& add(std::string_view name, bool flag) { return raw(name, flag ? "true" : "false"); }
    /// null where there is none.
    Object& maybe(std::string_view name, std::string_view text) {
        return text.empty() ? raw(name, "null") : add(name, text);
    }
    Object& raw(std::string_view name, std::string_view json) {
        out_ += out_.empty() ? '{' : ',';
        out_.append(wire::encode_string(name)).append(1, ':').append(json);
        return *this;
    }
    std::string done() { return out_.empty() ? "{}" : out_ + '}'; }

  private:
    std::string out_;
};

template <class List, class Make>
std::string list(const List& items, Make&& make) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ',';
        out += make(item);
    }
    return out + ']';
}

}  // namespace understudy::proxy::json
