// From the facts of one body and the wishes of one upstream to the few ranges that change. The rest
// of the body is never touched, so unknown fields, number formats, order and white space survive.
#include "wire/json_cursor.hpp"
#include "wire/member_names.hpp"
#include "wire/request_body.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace understudy::wire {
namespace {

constexpr std::string_view kAskUsage = R"({"include_usage":true})";
constexpr std::string_view kAskUsageBehind = R"(,"stream_options":{"include_usage":true})";

/// What becomes of one member of the outermost object.
struct Plan {
    const JsonMember* original = nullptr;  // null for a member that the body does not have
    std::optional<std::string> new_key;    // plain text
    std::optional<std::string> new_value;  // JSON text
    std::vector<Edit> inner;               // edits inside the value, when it is not replaced
    bool dropped = false;
};

class ObjectPlan {
  public:
    ObjectPlan(std::string_view body, const RequestFacts& facts) : body_(body), facts_(facts) {
        members_.resize(facts.members.size());
        for (std::size_t i = 0; i < members_.size(); ++i) members_[i].original = &facts.members[i];
    }

    void set_model(const std::string& model);
    void ask_usage();
    void rename(const std::string& from, const std::string& to);
    void drop(const std::string& key);
    void bound(const MemberRange& range);
    void set(const std::string& key, const std::string& value);

    std::vector<Edit> edits() const;

  private:
    bool is_live(const Plan& member, std::string_view key) const;
    bool has_live(std::string_view key) const;
    void ask_usage_in(Plan& member) const;
    void add(std::vector<Plan>& where, std::string_view key, std::string value);
    void append_kept(const Plan& member, std::vector<Edit>& edits) const;
    void append_removal(std::size_t index, bool any_kept_before, std::vector<Edit>& edits) const;
    std::string text_of_new() const;

    template <class Action>
    std::size_t for_live(std::string_view key, Action&& action);

    std::string_view body_;
    const RequestFacts& facts_;
    std::vector<Plan> members_;  // of the body, in order
    std::vector<Plan> front_;    // new, before all others
    std::vector<Plan> back_;     // new, behind all others
};

bool ObjectPlan::is_live(const Plan& member, std::string_view key) const {
    if (member.dropped) return false;
    if (member.new_key) return *member.new_key == key;
    return key_equals(member.original->key.of(body_), key);
}

template <class Action>
std::size_t ObjectPlan::for_live(std::string_view key, Action&& action) {
    std::size_t count = 0;
    for (auto* list : {&front_, &members_, &back_}) {
        for (Plan& member : *list) {
            if (!is_live(member, key)) continue;
            ++count;
            action(member);
        }
    }
    return count;
}

bool ObjectPlan::has_live(std::string_view key) const {
    const auto live = [&](const Plan& member) { return is_live(member, key); };
    return std::any_of(front_.begin(), front_.end(), live) ||
           std::any_of(members_.begin(), members_.end(), live) ||
           std::any_of(back_.begin(), back_.end(), live);
}

void ObjectPlan::add(std::vector<Plan>& where, std::string_view key, std::string value) {
    Plan& member = where.emplace_back();
    member.new_key = key;
    member.new_value = std::move(value);
}

void ObjectPlan::set_model(const std::string& model) {
    const std::string value = encode_string(model);
    const std::size_t found = for_live("model", [&](Plan& member) { member.new_value = value; });
    if (found == 0) add(front_, "model", value);
}

void ObjectPlan::ask_usage() {
    const std::size_t found =
        for_live("stream_options", [&](Plan& member) { ask_usage_in(member); });
    if (found == 0) add(back_, "stream_options", std::string(kAskUsage));
}

void ObjectPlan::ask_usage_in(Plan& member) const {
    if (member.original->kind != JsonKind::object) {
        member.new_value = kAskUsage;
        return;
    }
    const Span object = member.original->value;
    JsonCursor in(object.of(body_));
    bool present = false;
    bool empty = true;
    in.object_members([&](std::string_view key) {
        const std::size_t at = object.begin + in.offset();
        JsonValue value;
        if (!in.take(value)) return false;
        empty = false;
        if (key != "include_usage") return true;
        present = true;
        if (!value.is_true()) member.inner.push_back({{at, at + value.raw.size()}, "true"});
        return true;
    });
    if (present) return;
    const std::size_t inside = object.begin + 1;
    member.inner.push_back(
        {{inside, inside}, empty ? R"("include_usage":true)" : R"("include_usage":true,)"});
}

void ObjectPlan::rename(const std::string& from, const std::string& to) {
    if (from == to) return;
    const bool taken = has_live(to);
    // Of several sources only the last gets the name: the one that parsers keep.
    Plan* last = nullptr;
    for_live(from, [&](Plan& member) {
        member.dropped = true;
        last = &member;
    });
    if (last == nullptr || taken) return;
    last->dropped = false;
    last->new_key = to;
}

void ObjectPlan::drop(const std::string& key) {
    for_live(key, [](Plan& member) { member.dropped = true; });
}

void ObjectPlan::bound(const MemberRange& range) {
    for_live(range.member, [&](Plan& member) {
        if (member.new_value || member.original->kind != JsonKind::number) return;
        const std::string_view text = member.original->value.of(body_);
        double number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        // What no double holds is outside of every range; its sign says on which side.
        if (read.ec == std::errc::result_out_of_range) {
            const bool tiny = text.find("e-") != text.npos || text.find("E-") != text.npos;
            number = tiny ? 0.0 : text.front() == '-' ? -HUGE_VAL : HUGE_VAL;
        }
        const double inside = std::clamp(number, range.least, range.most);
        if (inside == number) return;
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), inside).ptr;
        member.new_value = std::string(digits.data(), end);
    });
}

void ObjectPlan::set(const std::string& key, const std::string& value) {
    const std::size_t found = for_live(key, [&](Plan& member) {
        member.new_value = value;
        member.inner.clear();
    });
    if (found == 0) add(back_, key, value);
}

/// The new members as they stand in an object that keeps none of its own.
std::string ObjectPlan::text_of_new() const {
    std::string text;
    for (const auto* list : {&front_, &back_}) {
        for (const Plan& member : *list) {
            if (member.dropped) continue;
            if (!text.empty()) text += ',';
            text += encode_string(*member.new_key) + ':' + *member.new_value;
        }
    }
    return text;
}

void ObjectPlan::append_kept(const Plan& member, std::vector<Edit>& edits) const {
    const JsonMember& original = *member.original;
    if (member.new_key) edits.push_back({original.key, encode_string(*member.new_key)});
    if (!member.new_value) {
        edits.insert(edits.end(), member.inner.begin(), member.inner.end());
    } else if (*member.new_value != original.value.of(body_)) {
        edits.push_back({original.value, *member.new_value});
    }
}

/// Takes a member away together with one comma: the one in front of it, or, as long as nothing is
/// kept before it, the one behind it.
void ObjectPlan::append_removal(std::size_t index, bool any_kept_before,
                                std::vector<Edit>& edits) const {
    const JsonMember& member = facts_.members[index];
    Span range{member.key.begin, member.value.end};
    if (any_kept_before) {
        range.begin = facts_.members[index - 1].value.end;
    } else if (index + 1 < facts_.members.size()) {
        range.end = facts_.members[index + 1].key.begin;
    }
    edits.push_back({range, {}});
}

std::vector<Edit> ObjectPlan::edits() const {
    std::vector<Edit> edits;
    const auto kept = [](const Plan& member) { return !member.dropped; };
    const auto last_kept = std::find_if(members_.rbegin(), members_.rend(), kept).base();
    const std::size_t inside = facts_.object.begin + 1;
    if (last_kept == members_.begin()) {
        if (std::string text = text_of_new(); !text.empty()) {
            edits.push_back({{inside, inside}, std::move(text)});
        }
    } else {
        for (const Plan& member : front_) {
            if (member.dropped) continue;
            edits.push_back(
                {{inside, inside}, encode_string(*member.new_key) + ':' + *member.new_value + ','});
        }
    }
    bool any_kept = false;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].dropped) {
            append_removal(i, any_kept, edits);
            continue;
        }
        any_kept = true;
        append_kept(members_[i], edits);
        if (members_.begin() + static_cast<std::ptrdiff_t>(i) + 1 != last_kept) continue;
        const std::size_t behind = facts_.members[i].value.end;
        for (const Plan& member : back_) {
            if (member.dropped) continue;
            edits.push_back(
                {{behind, behind}, ',' + encode_string(*member.new_key) + ':' + *member.new_value});
        }
    }
    return edits;
}

/// Edits that touch become one: fewer slices to write.
void merge_touching(std::vector<Edit>& edits) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (count > 0 && edits[count - 1].range.end == edits[i].range.begin) {
            edits[count - 1].range.end = edits[i].range.end;
            edits[count - 1].text += edits[i].text;
        } else {
            if (count != i) edits[count] = std::move(edits[i]);
            ++count;
        }
    }
    edits.resize(count);
}

/// The body has members, and none that servers read as stream_options.
bool lacks_stream_options(const RequestFacts& facts) {
    constexpr auto bit = 1U << static_cast<unsigned>(Decisive::stream_options);
    return !facts.members.empty() && (facts.decisive & bit) == 0;
}

/// Behind whatever else is edited.
void append_ask_usage(const RequestFacts& facts, std::vector<Edit>& edits) {
    const std::size_t behind = facts.members.back().value.end;
    if (!edits.empty() && edits.back().range.end == behind) {
        edits.back().text += kAskUsageBehind;
    } else {
        edits.push_back({{behind, behind}, std::string(kAskUsageBehind)});
    }
}

/// Nothing changes but the model's name, `value` as it is to stand in the body.
std::vector<Edit> replace_model(std::string_view body, const RequestFacts& facts,
                                const std::string& value) {
    std::vector<Edit> edits;
    for (const Span& old : facts.model_values) {
        if (old.of(body) != value) edits.push_back({old, value});
    }
    return edits;
}

}  // namespace

std::vector<Edit> plan_edits(std::string_view body, const RequestFacts& facts,
                             const std::optional<std::string>& model, bool ask_usage,
                             const BodyRewrite& rewrite) {
    if (!facts.json) {
        return model ? replace_model(body, facts, *model) : std::vector<Edit>{};
    }
    // The usual wishes need no plan of every member.
    if (rewrite.empty() && (!ask_usage || lacks_stream_options(facts)) &&
        (!model || !facts.model_values.empty())) {
        std::vector<Edit> edits;
        if (model) edits = replace_model(body, facts, encode_string(*model));
        if (ask_usage) append_ask_usage(facts, edits);
        return edits;
    }
    ObjectPlan plan(body, facts);
    if (model) plan.set_model(*model);
    if (ask_usage) plan.ask_usage();
    for (const auto& [from, to] : rewrite.rename) plan.rename(from, to);
    for (const auto& key : rewrite.drop) plan.drop(key);
    for (const auto& range : rewrite.bounds) plan.bound(range);
    for (const auto& [key, value] : rewrite.set) plan.set(key, value);
    std::vector<Edit> edits = plan.edits();
    merge_touching(edits);
    return edits;
}

void slices_of(std::string_view body, const std::vector<Edit>& edits,
               std::vector<std::string_view>& out) {
    out.clear();
    const auto add = [&](std::string_view slice) {
        if (!slice.empty()) out.push_back(slice);
    };
    std::size_t from = 0;
    for (const Edit& edit : edits) {
        add(body.substr(from, edit.range.begin - from));
        add(edit.text);
        from = edit.range.end;
    }
    add(body.substr(from));
}

std::size_t edited_size(std::string_view body, const std::vector<Edit>& edits) {
    std::size_t size = body.size();
    for (const Edit& edit : edits) size = size - edit.range.size() + edit.text.size();
    return size;
}

}  // namespace understudy::wire
