#include "proxy/rescue/chat/stitch.hpp"

#include "wire/json_text.hpp"
#include "wire/usage_truth.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

using wire::DeltaMember;
using wire::DeltaPart;
using wire::JsonKind;
using wire::JsonMember;
using How = Retold::How;

namespace {

/// The range that has to go so that member `index` of an object is gone with one comma: the one in
/// front of it, or, as long as none is kept before it, the one behind it.
wire::Span removal(const JsonMember& member, const JsonMember* before, const JsonMember* behind,
                   bool any_kept) {
    if (any_kept) return {before->value.end, member.value.end};
    return {member.key.begin, behind == nullptr ? member.value.end : behind->key.begin};
}

/// Calls on_removal(range) for each member of `list` that `is_gone`.
template <class List, class At, class IsGone, class OnRemoval>
void remove_members(const List& list, At&& at, IsGone&& is_gone, OnRemoval&& on_removal) {
    bool any_kept = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!is_gone(i)) {
            any_kept = true;
            continue;
        }
        const auto* const before = i > 0 ? &at(list[i - 1]) : nullptr;
        const auto* const behind = i + 1 < list.size() ? &at(list[i + 1]) : nullptr;
        on_removal(removal(at(list[i]), before, behind, any_kept));
    }
}

bool is_told(const Retold& retold) {
    return retold.how == How::as_it_is || (retold.how == How::replaced && !retold.text.empty());
}

}  // namespace

bool Stitch::says_something(const wire::ChatChunk& chunk, const EventChanges& changes) {
    if (chunk.choices == 0) return true;
    if (chunk.finish_reason.size() > 0 && !changes.drop_finish) return true;
    return std::any_of(chunk.parts.begin(), chunk.parts.end(), [&](const DeltaMember& member) {
        switch (member.part) {
            case DeltaPart::bare:
                return false;
            case DeltaPart::role:
                return !changes.drop_role;
            case DeltaPart::text:
                return is_told(changes.text);
            case DeltaPart::reasoning:
                return is_told(changes.reasoning);
            case DeltaPart::tool_call:
            case DeltaPart::other:
                break;
        }
        return true;
    });
}

void Stitch::value(wire::Span at, const std::string& first) {
    if (at.size() > 0 && !first.empty()) patches_.push_back({at, first});
}

void Stitch::envelope(const wire::ChatChunk& chunk) {
    const Envelope& first = first_.envelope();
    value(chunk.id, first.id);
    value(chunk.created, first.created);
    value(chunk.model, first.model);
    value(chunk.system_fingerprint, first.system_fingerprint);
    value(chunk.service_tier, first.service_tier);
    // What the first stream did not say of itself would be said of another server.
    const auto is_gone = [&](std::size_t i) {
        const auto& at = chunk.members[i].value;
        return (at == chunk.system_fingerprint && first.system_fingerprint.empty()) ||
               (at == chunk.service_tier && first.service_tier.empty());
    };
    remove_members(
        chunk.members, [](const JsonMember& member) -> const JsonMember& { return member; },
        is_gone,
        [&](wire::Span range) {
            patches_.push_back({range, {}});
        });
    inserted_.clear();
    const auto missing = [&](const char* name, wire::Span at, const std::string& text) {
        if (at.size() > 0 || text.empty()) return;
        inserted_.append("\"").append(name).append("\":").append(text).append(",");
    };
    missing("id", chunk.id, first.id);
    missing("created", chunk.created, first.created);
    missing("model", chunk.model, first.model);
    if (inserted_.empty()) return;
    const std::size_t inside = chunk.object.begin + 1;
    patches_.push_back({{inside, inside}, inserted_});
}

bool Stitch::leaves_out(const DeltaMember& member, const EventChanges& changes, bool told) const {
    const auto gone = [told](const Retold& retold) {
        return retold.how == How::left_out || (retold.how == How::replaced && told);
    };
    switch (member.part) {
        case DeltaPart::role:
            return changes.drop_role;
        case DeltaPart::text:
            return gone(changes.text);
        case DeltaPart::reasoning:
            return gone(changes.reasoning);
        default:
            return false;
    }
}

/// The new text in the place of the old one; reasoning also under the name that the client knows.
void Stitch::retell(const DeltaMember& member, std::string_view data, const Retold& retold) {
    const bool reasoning = member.part == DeltaPart::reasoning;
    const auto key = member.at.key.of(data);
    if (reasoning && member.at.kind == JsonKind::string && !first_.reasoning_member().empty() &&
        key.substr(1, key.size() - 2) != first_.reasoning_member()) {
        reasoning_key_ = '"' + first_.reasoning_member() + '"';
        patches_.push_back({member.at.key, reasoning_key_});
    }
    if (retold.how != How::replaced) return;
    std::string& text = reasoning ? reasoning_ : text_;
    text = '"';
    wire::append_encoded(text, retold.text);
    text += '"';
    patches_.push_back({member.at.value, text});
}

void Stitch::delta(std::string_view data, const wire::ChatChunk& chunk,
                   const EventChanges& changes) {
    // The same thought may stand there under two names; it is retold under one.
    bool told_text = false;
    bool told_reasoning = false;
    gone_.assign(chunk.parts.size(), 0);
    for (std::size_t i = 0; i < chunk.parts.size(); ++i) {
        const DeltaMember& member = chunk.parts[i];
        bool& told = member.part == DeltaPart::text ? told_text : told_reasoning;
        gone_[i] = leaves_out(member, changes, told) ? 1 : 0;
        if (gone_[i] != 0) continue;
        if (member.part == DeltaPart::text) retell(member, data, changes.text);
        if (member.part == DeltaPart::reasoning) retell(member, data, changes.reasoning);
        if (member.part == DeltaPart::text || member.part == DeltaPart::reasoning) told = true;
    }
    remove_members(
        chunk.parts, [](const DeltaMember& member) -> const JsonMember& { return member.at; },
        [&](std::size_t i) { return gone_[i] != 0; },
        [&](wire::Span range) {
            patches_.push_back({range, {}});
        });
}

void Stitch::usage(std::string_view data, const wire::ChatChunk& chunk, const wire::Usage& truth) {
    edits_.clear();
    for (const auto& block : chunk.usages) wire::correct_usage(data, block, truth, edits_);
    for (const auto& edit : edits_) patches_.push_back({edit.range, edit.text});
}

void Stitch::append(std::string& out, std::string_view data, const wire::ChatChunk& chunk,
                    const EventChanges& changes) {
    patches_.clear();
    envelope(chunk);
    if (!chunk.parts.empty()) delta(data, chunk, changes);
    if (changes.drop_finish && chunk.finish_reason.size() > 0)
        patches_.push_back({chunk.finish_reason, "null"});
    if (changes.usage != nullptr) usage(data, chunk, *changes.usage);
    std::stable_sort(patches_.begin(), patches_.end(), [](const Patch& a, const Patch& b) {
        return a.range.begin != b.range.begin ? a.range.begin < b.range.begin
                                              : a.range.size() < b.range.size();
    });
    out += "data: ";
    const std::size_t begin = out.size();
    std::size_t from = 0;
    for (const Patch& patch : patches_) {
        // A value that goes with its member is not changed first.
        if (patch.range.begin < from) continue;
        out.append(data, from, patch.range.begin - from);
        out += patch.text;
        from = patch.range.end;
    }
    out.append(data, from, data.size() - from);
    // Data of several lines: outside of its strings, JSON does not care.
    if (data.find_first_of("\r\n") != std::string_view::npos) {
        std::replace_if(
            out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
            [](char c) { return c == '\n' || c == '\r'; }, ' ');
    }
    out += blank_line();
}

void Stitch::append_text(std::string& out, std::string_view text) const {
    const Envelope& first = first_.envelope();
    const auto member = [&out](const char* name, const std::string& value) {
        if (!value.empty()) out.append(",\"").append(name).append("\":").append(value);
    };
    out += R"(data: {"object":"chat.completion.chunk")";
    member("id", first.id);
    member("created", first.created);
    member("model", first.model);
    member("system_fingerprint", first.system_fingerprint);
    member("service_tier", first.service_tier);
    out += R"(,"choices":[{"index":0,"delta":{"content":")";
    wire::append_encoded(out, text);
    out += R"("},"finish_reason":null}]})";
    out += blank_line();
}

void Stitch::append_done(std::string& out) const {
    out.append("data: [DONE]").append(blank_line());
}

void Stitch::append_comment(std::string& out, std::string_view comment) const {
    out += ": ";
    for (const char c : comment) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    out += blank_line();
}

}  // namespace understudy::proxy::rescue
