// Rows packed one behind the other into chunks of memory: how they travel from the worker that
// made them to the thread that writes them. A row is copied once, text and all, and allocates
// nothing but a chunk now and then.
#pragma once

#include "ledger/row.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

namespace understudy::ledger {

class Chunk {
  public:
    static constexpr std::size_t kUsualSize = 32 * 1024;
    explicit Chunk(std::size_t size) : data_(new char[size]), size_(size) {}

    /// False: it does not fit. `need`: need() of it.
    template <class Row>
    bool add(const Row& row, std::size_t need);
    template <class Row>
    bool add(const Row& row) {
        return add(row, need(row));
    }
    /// Bytes that a row needs.
    template <class Row>
    static std::size_t need(const Row& row);
    /// Calls `visit` with every row, an AttemptRow or a RequestRow, oldest first.
    template <class Visit>
    void for_each(Visit&& visit) const;

    std::size_t size() const { return size_; }
    std::size_t left() const { return size_ - used_; }
    std::size_t rows() const { return rows_; }
    bool empty() const { return used_ == 0; }
    void clear() { used_ = rows_ = 0; }

  private:
    enum class Kind : std::uint8_t { attempt, request };
    struct Header {
        std::uint32_t size = 0;  // with the header
        Kind kind = Kind::attempt;
    };
    template <class Row>
    static constexpr Kind kind_of() {
        return std::is_same_v<Row, AttemptRow> ? Kind::attempt : Kind::request;
    }
    template <class Row, class Visit>
    static void read(const char* at, Visit& visit);

    std::unique_ptr<char[]> data_;
    std::size_t size_;
    std::size_t used_ = 0;
    std::size_t rows_ = 0;
};

/// Rows that are written together or not at all.
using Batch = std::vector<Chunk>;

/// Copies a text, and returns where it ends. A row has twenty of them, most of a few characters: of
/// such the first and the last ones are copied, which may be the same, and nothing is called.
inline char* put_text(char* out, std::string_view text) {
    const auto ends = [&](auto part) {
        const char* const last = text.data() + text.size() - sizeof part;
        auto other = part;
        std::memcpy(&part, text.data(), sizeof part);
        std::memcpy(&other, last, sizeof other);
        std::memcpy(out, &part, sizeof part);
        std::memcpy(out + text.size() - sizeof other, &other, sizeof other);
    };
    const auto n = text.size();
    if (n > 2 * sizeof(std::uint64_t)) {
        std::memcpy(out, text.data(), n);
    } else if (n >= sizeof(std::uint64_t)) {
        ends(std::uint64_t{});
    } else if (n >= sizeof(std::uint32_t)) {
        ends(std::uint32_t{});
    } else if (n >= sizeof(std::uint16_t)) {
        ends(std::uint16_t{});
    } else if (n == 1) {
        *out = text.front();
    }
    return out + n;
}

template <class Row>
std::size_t Chunk::need(const Row& row) {
    static_assert(std::is_trivially_copyable_v<Row>);
    std::size_t n = sizeof(Header) + sizeof(Row);
    for_each_text(const_cast<Row&>(row), [&n](std::string_view text) { n += text.size(); });
    return n;
}

template <class Row>
bool Chunk::add(const Row& row, std::size_t n) {
    if (n > size_ - used_) return false;
    char* out = data_.get() + used_;
    const Header header{static_cast<std::uint32_t>(n), kind_of<Row>()};
    std::memcpy(out, &header, sizeof header);
    std::memcpy(out += sizeof header, &row, sizeof row);
    out += sizeof row;
    for_each_text(const_cast<Row&>(row),
                  [&out](std::string_view text) { out = put_text(out, text); });
    used_ += n;
    ++rows_;
    return true;
}

template <class Row, class Visit>
void Chunk::read(const char* at, Visit& visit) {
    Row row;
    std::memcpy(&row, at, sizeof row);
    at += sizeof row;
    // The lengths have come with the row, the places have not.
    for_each_text(row, [&at](std::string_view& text) {
        text = std::string_view(at, text.size());
        at += text.size();
    });
    visit(static_cast<const Row&>(row));
}

template <class Visit>
void Chunk::for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < used_;) {
        Header header;
        std::memcpy(&header, data_.get() + i, sizeof header);
        const char* const at = data_.get() + i + sizeof header;
        if (header.kind == Kind::attempt) {
            read<AttemptRow>(at, visit);
        } else {
            read<RequestRow>(at, visit);
        }
        i += header.size;
    }
}

}  // namespace understudy::ledger
