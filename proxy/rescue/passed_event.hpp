// An event of a second server that goes to the client as it is, but for a few values that have to
// fit behind what the client has. Pure.
#pragma once

#include "dialects/value.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::proxy::rescue {

using dialects::append_on_one_line;

/// Data in which no member of an object can be: none at all, a ping in plain words, OpenAI's end
/// marker. Whatever else is no JSON object is one that cannot be read.
bool says_nothing(std::string_view data);

class PassedEvent {
  public:
    /// `data` outlives this.
    explicit PassedEvent(std::string_view data) : data_(data) {}

    /// `value`, one of the data's, becomes this JSON text; one that is absent stays so.
    PassedEvent& put(dialects::Value value, std::string json) {
        if (value.present()) values_.emplace_back(value.raw(), std::move(json));
        return *this;
    }
    void append_to(std::string& out);

  private:
    std::string_view data_;
    std::vector<std::pair<std::string_view, std::string>> values_;
};

}  // namespace understudy::proxy::rescue
