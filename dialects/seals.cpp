#include "dialects/seals.hpp"

#include "dialects/data_url.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace understudy::dialects {

using wire::Dialect;
using Kind = Block::Kind;

namespace {

struct Owner {
    std::string_view name;
    SealKind by;
    SealOf of;
};
constexpr std::array kOwners{
    Owner{"claude:", SealKind::claude, SealOf::thoughts},
    Owner{"claude-redacted:", SealKind::claude, SealOf::redacted},
    Owner{"openai:", SealKind::openai, SealOf::thoughts},
    Owner{"gemini:", SealKind::gemini, SealOf::thoughts},
    Owner{"gemini-call:", SealKind::gemini, SealOf::call},
};

SealKind own_kind(Dialect client) {
    switch (client) {
        case Dialect::messages:
        case Dialect::converse:
            return SealKind::claude;
        case Dialect::responses:
            return SealKind::openai;
        case Dialect::gemini:
            return SealKind::gemini;
        default:
            return SealKind::none;
    }
}

std::string to_base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned bits = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            bits =
                bits << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        const auto digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
        for (std::size_t k = 0; k < 4; ++k) {
            out +=
                k < digits ? kDigits[(bits >> (18U - 6U * static_cast<unsigned>(k))) & 63U] : '=';
        }
    }
    return out;
}

struct Found {
    Owner owner;
    std::string_view seal;
};

/// Whether bytes are the inside of a JSON string as they stand. Seals are of such; what a client
/// has put together itself need not be, and would end the string that it is written into.
bool is_plain(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(),
                       [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\\'; });
}

// What a field says, if it is marked as this client's are; a text that had to be decoded is kept by
// the talk.
std::optional<Found> marked(std::string_view field, Dialect client, Talk& talk) {
    if (client == Dialect::gemini) {
        if (!field.starts_with(kSealMarkBase64)) return std::nullopt;
        auto decoded = from_base64(field);
        if (!decoded || !is_plain(*decoded)) return std::nullopt;
        field = talk.keep(std::move(*decoded));
    }
    if (!field.starts_with(kSealMark)) return std::nullopt;
    field.remove_prefix(kSealMark.size());
    for (const auto& owner : kOwners) {
        if (field.starts_with(owner.name)) return Found{owner, field.substr(owner.name.size())};
    }
    return std::nullopt;
}

// A thought without words of its own takes those of the pieces before it. Where there are none,
// Claude's is one all the same, which was not shown.
void take_pieces(std::vector<Block>& blocks, std::size_t at, Talk& talk) {
    std::size_t first = at;
    while (first > 0 && blocks[first - 1].kind == Kind::thinking && blocks[first - 1].seal.empty())
        --first;
    if (first == at) {
        if (blocks[at].sealed_by == SealKind::claude) return;
        blocks[at].kind = Kind::sealed;
        blocks[at].content = std::exchange(blocks[at].seal, {});
        return;
    }
    std::string text;
    for (std::size_t i = first; i < at; ++i) {
        text += blocks[i].content;
        blocks[i].kind = Kind::sealed;  // and nothing in it: it goes
        blocks[i].content = {};
    }
    blocks[at].content = talk.keep(std::move(text));
}

void unmark(Turn& turn, Dialect client, Talk& talk, std::string_view& of_call) {
    for (std::size_t i = 0; i < turn.blocks.size(); ++i) {
        auto& block = turn.blocks[i];
        if (block.kind == Kind::call) {
            const auto seal = std::exchange(of_call, {});
            if (seal.empty() || !block.seal.empty()) continue;
            block.seal = seal;
            block.sealed_by = SealKind::gemini;
            continue;
        }
        if (!is_thought(block)) continue;
        auto& field = block.kind == Kind::sealed ? block.content : block.seal;
        const auto found = marked(field, client, talk);
        if (!found) continue;
        field = {};
        block.sealed_by = found->owner.by;
        if (found->owner.of == SealOf::call) {
            of_call = found->seal;
            continue;
        }
        if (found->owner.of == SealOf::redacted) {
            block.kind = Kind::sealed;
        } else if (found->owner.by == SealKind::claude) {
            block.kind = Kind::thinking;
        }
        (block.kind == Kind::sealed ? block.content : block.seal) = found->seal;
        if (block.kind == Kind::thinking && block.content.empty()) {
            take_pieces(turn.blocks, i, talk);
        }
    }
    std::erase_if(turn.blocks, [](const Block& block) {
        return block.kind == Kind::sealed && block.content.empty();
    });
}

// Makes one turn of the model's that stand side by side.
void join_pieces(std::vector<Turn>& turns) {
    std::size_t kept = 0;
    for (auto& turn : turns) {
        const bool goes_on =
            kept != 0 && turn.role == Role::assistant && turns[kept - 1].role == Role::assistant;
        if (goes_on) {
            std::move(turn.blocks.begin(), turn.blocks.end(),
                      std::back_inserter(turns[kept - 1].blocks));
            continue;
        }
        if (&turn != &turns[kept]) turns[kept] = std::move(turn);
        ++kept;
    }
    turns.resize(kept);
}

}  // namespace

std::string sealed_for(Dialect client, SealKind by, std::string_view seal, SealOf of) {
    if (by == own_kind(client) && of != SealOf::call) return std::string(seal);
    const auto owner = std::find_if(kOwners.begin(), kOwners.end(),
                                    [&](const Owner& one) { return one.by == by && one.of == of; });
    if (owner == kOwners.end()) return {};
    std::string out(kSealMark);
    out.append(owner->name).append(seal);
    return client == Dialect::gemini ? to_base64(unescaped(out)) : out;
}

void unmark_seals(Talk& talk, Dialect client) {
    if (client == Dialect::gemini) join_pieces(talk.turns);
    std::string_view of_call;
    for (auto& turn : talk.turns) {
        if (turn.role == Role::assistant) {
            unmark(turn, client, talk, of_call);
        } else {
            of_call = {};
        }
    }
}

void Thoughts::add(std::string_view text) {
    if (text.empty()) return;
    if (all_.empty() || all_.back().sealed) all_.emplace_back();
    all_.back().text += text;
}

void Thoughts::seal(std::string seal, bool alone) {
    const bool behind = !alone && !all_.empty() && !all_.back().sealed;
    if (!behind) all_.emplace_back();
    all_.back().seal = std::move(seal);
    all_.back().sealed = true;
}

}  // namespace understudy::dialects
