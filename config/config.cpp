#include "config/config.hpp"

#include "config/glob.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace understudy::config {
namespace {

// The usual linear matcher: on a mismatch go back to the last star and let it take one more.
// `matches(p, t)` compares one pattern character that is not a star with one of the text.
template <class Matches>
bool match(std::string_view pattern, std::string_view text, Matches matches) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && matches(pattern[p], text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    return match(pattern, text, [](char p, char t) { return p == '?' || p == t; });
}

bool glob_covers(std::string_view wide, std::string_view narrow) {
    // The narrow pattern is read as text in which its own wildcards are characters that only an
    // equal or wider wildcard takes: a star is taken by a star alone.
    return match(wide, narrow, [](char w, char n) {
        if (n == '*') return false;
        return w == '?' || w == n;
    });
}

bool globs_meet(std::string_view one, std::string_view other) {
    // For the rests of both: whether they meet. From the end to the front.
    std::vector<char> behind(other.size() + 1), here(other.size() + 1);
    for (std::size_t i = one.size() + 1; i-- > 0;) {
        for (std::size_t j = other.size() + 1; j-- > 0;) {
            const bool more = i < one.size();
            const bool others = j < other.size();
            bool meet = !more && !others;
            if (more && one[i] == '*') meet = behind[j] != 0 || (others && here[j + 1] != 0);
            if (others && other[j] == '*')
                meet = meet || here[j + 1] != 0 || (more && behind[j] != 0);
            if (more && others && one[i] != '*' && other[j] != '*') {
                const bool same = one[i] == '?' || other[j] == '?' || one[i] == other[j];
                meet = same && behind[j + 1] != 0;
            }
            here[j] = meet ? 1 : 0;
        }
        std::swap(behind, here);
    }
    return behind[0] != 0;
}

const metrics::ModelPrice* Upstream::configured_price(std::string_view answered,
                                                      std::string_view asked) const {
    if (price) return &*price;
    const ModelPriceRule* best = nullptr;
    std::size_t most = 0;
    for (const ModelPriceRule& rule : prices) {
        if (!glob_match(rule.model, answered) && !glob_match(rule.model, asked)) continue;
        const auto wild = static_cast<std::size_t>(std::count_if(
            rule.model.begin(), rule.model.end(), [](char c) { return c == '*' || c == '?'; }));
        if (wild == 0) return &rule.price;
        const std::size_t fixed = rule.model.size() - wild;
        if (best != nullptr && fixed <= most) continue;
        best = &rule;
        most = fixed;
    }
    return best == nullptr ? nullptr : &best->price;
}

std::string Config::source_text() const {
    return source_by_variable ? source + " (from $UNDERSTUDY_CONFIG)" : source;
}

const Route* Config::route_for(std::string_view model) const {
    for (const Route& route : routes) {
        if (route.when.empty() && glob_match(route.model, model)) return &route;
    }
    return nullptr;
}

std::string Route::label() const {
    return when.empty() ? model : model + " when " + text_of(when);
}

bool Route::grouped() const {
    return std::any_of(chain.begin(), chain.end(),
                       [](const ChainEntry& entry) { return entry.tier > 0; });
}

Secret::~Secret() {
    value_.resize(value_.capacity());  // a shorter value may have followed a longer one
    OPENSSL_cleanse(value_.data(), value_.size());
}

}  // namespace understudy::config
