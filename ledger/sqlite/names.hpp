// Names as numbers: the table `name`, and what is remembered of it. For the writer alone.
#pragma once

#include "ledger/sqlite/database.hpp"

#include <array>
#include <cstdint>
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
    std::int64_t chosen_ = -1;  // how many there are; negative: not counted yet
    Database* database_ = nullptr;
    Statement find_, insert_, touch_, count_, drop_;
    Fault fault_ = Fault::none;
};

}  // namespace understudy::ledger
