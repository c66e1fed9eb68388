// Names as numbers: the table `name`, and what is remembered of it. For the writer alone.
#pragma once

#include "ledger/sqlite/database.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace understudy::ledger {

class Names {
  public:
    /// Who has chosen a name.
    enum class Origin : std::uint8_t {
        ours,    // the configuration, or a closed set of this program: always gets a number
        chosen,  // a client or a provider, who may choose any number of them
    };
    /// Beyond so many chosen ones a new one is `other`.
    static constexpr std::int64_t kMostChosen = 20'000;
    static constexpr std::size_t kRemembered = 2'000;

    Fault prepare(Database& database);
    /// When the row was, in microseconds since 1970, that the names asked for next are of.
    void at(std::int64_t us);
    /// The number of a name; 0: the empty name, or a fault, which fault() tells.
    std::int64_t id(std::string_view text, Origin origin = Origin::ours);
    Fault fault() const { return fault_; }
    /// One small step of dropping what no row has had since this hour (since 1970) and no counter
    /// has. All rows of before it have to be gone.
    Fault drop_unused(std::int64_t before_hour);
    /// The hour of at().
    std::int64_t hour() const { return hour_; }
    /// How often everything has been forgotten.
    std::uint64_t forgotten() const { return forgotten_; }
    /// What was written may not have stayed: nothing is remembered any more.
    void forget();
    void finalize();

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    struct Known {
        std::int64_t id = 0, hour = 0;
    };
    using Remembered = std::unordered_map<std::string, Known, Hash, std::equal_to<>>;
    /// Where the name was found last that has this one's length and ends: rows name the same few
    /// over and over.
    Remembered::value_type*& recent(std::string_view text) {
        const auto ends =
            static_cast<unsigned char>(text.front()) * 7U + static_cast<unsigned char>(text.back());
        return recent_[(text.size() * 31 + ends) % recent_.size()];
    }
    std::int64_t look_up(std::string_view text);
    std::int64_t add(std::string_view text, Origin origin);
    bool full();

    Remembered known_;
    std::array<Remembered::value_type*, 64> recent_{};  // of known_
    std::int64_t hour_ = 0;
    std::uint64_t forgotten_ = 0;
    std::int64_t chosen_ = -1;  // how many there are; negative: not counted yet
    Database* database_ = nullptr;
    Statement find_, insert_, touch_, count_, drop_;
    Fault fault_ = Fault::none;
};

/// All names of a row at once. Rows in a row have the same few sets of names, so a set is compared
/// with one before it, as long as what Names remembers is good.
template <std::size_t N>
class RowNames {
  public:
    struct Name {
        std::string_view text;
        Names::Origin origin = Names::Origin::ours;
    };
    using Numbers = std::array<std::int64_t, N>;

    /// Valid until the next call; worth something if names.fault() is none then.
    const Numbers& of(Names& names, const std::array<Name, N>& row) {
        auto& set = sets_[place_of(row)];
        if (set.hour == names.hour() && set.forgotten == names.forgotten() && same(set, row)) {
            return set.numbers;
        }
        set.hour = -1;
        set.text.clear();
        for (std::size_t i = 0; i < N; ++i) {
            set.numbers[i] = names.id(row[i].text, row[i].origin);
            set.sizes[i] = row[i].text.size();
            set.text += row[i].text;
        }
        set.forgotten = names.forgotten();
        if (names.fault() == Fault::none) set.hour = names.hour();
        return set.numbers;
    }

  private:
    struct Set {
        std::int64_t hour = -1;
        std::uint64_t forgotten = 0;
        Numbers numbers{};
        std::array<std::size_t, N> sizes{};
        std::string text;  // of all of them
    };
    static std::size_t place_of(const std::array<Name, N>& row) {
        std::size_t sum = 0;
        for (const auto& name : row) sum = sum * 3 + name.text.size();
        return sum % kSets;
    }
    // A row's texts lie one behind the other, most of them in this order too: they are compared in
    // as few pieces.
    static bool same(const Set& set, const std::array<Name, N>& row) {
        const char *known = set.text.data(), *begin = known, *end = known;
        const auto piece_is_same = [&] {
            const auto n = static_cast<std::size_t>(end - begin);
            const bool same = n == 0 || std::memcmp(known, begin, n) == 0;
            known += n;
            return same;
        };
        for (std::size_t i = 0; i < N; ++i) {
            const auto text = row[i].text;
            if (text.size() != set.sizes[i]) return false;
            if (text.data() != end) {
                if (!piece_is_same()) return false;
                begin = end = text.data();
            }
            end += text.size();
        }
        return piece_is_same();
    }

    static constexpr std::size_t kSets = 16;
    std::array<Set, kSets> sets_;
};

}  // namespace understudy::ledger
