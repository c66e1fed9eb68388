// An object whose members are asked for one by one, by name: gone through once, however often it is
// asked. Worth it for what holds long values and is looked at from many places: a request's body, a
// message. Pure.
#pragma once

#include "dialects/value.hpp"

#include <array>
#include <cstddef>
#include <forward_list>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects {

/// Views live as long as the text of the value, and this.
class Object {
  public:
    /// Of what is no object there are no members.
    explicit Object(Value value) : value_(value) {
        value.members([this](std::string_view key, Value member) { add(key, member); });
    }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    Value value() const { return value_; }
    /// The last member of this name; absent when there is none.
    Value at(std::string_view key) const {
        for (auto i = more_.size(); i-- > 0;) {
            if (more_[i].key == key) return more_[i].value;
        }
        for (auto i = count_; i-- > 0;) {
            if (few_[i].key == key) return few_[i].value;
        }
        return {};
    }
    /// f(std::string_view key, Value) for each member, in their order.
    template <class F>
    void members(F&& f) const {
        for (std::size_t i = 0; i < count_; ++i) f(few_[i].key, few_[i].value);
        for (const auto& one : more_) f(one.key, one.value);
    }

  private:
    struct Member {
        std::string_view key;
        Value value;
    };
    static constexpr std::size_t kFew = 16;

    void add(std::string_view key, Value value) {
        const auto raw = value_.raw();
        const bool stands = !std::less<>()(key.data(), raw.data()) &&
                            std::less<>()(key.data(), raw.data() + raw.size());
        if (!stands) key = keys_.emplace_front(key);
        if (count_ < kFew) {
            few_[count_++] = {key, value};
        } else {
            more_.push_back({key, value});
        }
    }

    Value value_;
    std::size_t count_ = 0;
    std::array<Member, kFew> few_;
    std::vector<Member> more_;
    std::forward_list<std::string> keys_;  // that were decoded
};

}  // namespace understudy::dialects
