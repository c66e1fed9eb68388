// HTTP/1 message heads: from raw bytes to slices of those bytes, and the framing that follows from
// them.
//
// Nothing here owns bytes or does I/O: every string_view points into the buffer given to the
// reader, and is valid as long as that buffer is neither moved nor changed. A head that reads
// without error is safe to forward: it has passed the grammar and the rules that a proxy needs on
// top (RFC 9112 sections 2 to 6). Beast's parser is the referee in
// the tests, which compare the two; on the hot path it cost a sixth of a request
// (docs/performance.md). Reading does not allocate once the field vectors have grown.
#pragma once

#include "wire/field_id.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace understudy::wire {

struct HeaderField {
    std::string_view name;   // as sent; compare `id`, or with iequals()
    std::string_view value;  // without surrounding white space
    FieldId id = FieldId::other;
    std::uint32_t line_size =
        0;  // of the whole line from name.data() on, CRLF included; 0: unknown

    std::string_view line() const { return {name.data(), line_size}; }
};

/// True when both are equal, ASCII letters compared without case.
bool iequals(std::string_view a, std::string_view b) noexcept;
/// True when `text` begins with `prefix`, compared in the same way.
inline bool istarts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

/// Header fields in the order they came.
class Fields {
  public:
    void clear();
    /// `line_size` as in HeaderField.
    const HeaderField& add(std::string_view name, std::string_view value,
                           std::uint32_t line_size = 0) {
        if (items_.capacity() == 0) items_.reserve(kUsual);
        const auto id = identify(name);
        items_.push_back({name, value, id, line_size});
        present_.add(id);
        if (id == FieldId::connection) read_connection(value);
        return items_.back();
    }
    std::size_t size() const { return items_.size(); }
    auto begin() const { return items_.begin(); }
    auto end() const { return items_.end(); }

    /// First value, or an empty view with a null data() when absent.
    std::string_view find(FieldId id) const noexcept {
        return present_.contains(id) ? first(id) : std::string_view();
    }
    bool contains(FieldId id) const noexcept { return present_.contains(id); }
    /// The same by name (any case), for fields that have no id.
    std::string_view find(std::string_view name) const noexcept;
    bool contains(std::string_view name) const noexcept { return find(name).data() != nullptr; }
    /// How many fields carry this name.
    std::size_t count(std::string_view name) const noexcept;

    /// Which fields there are.
    FieldSet present() const noexcept { return present_; }
    /// What the Connection fields say (RFC 9112 9.3, RFC 9110 7.6.1).
    bool says_close() const noexcept { return close_; }
    bool says_keep_alive() const noexcept { return keep_alive_; }
    /// A Connection field has options besides close and keep-alive: names of fields, maybe.
    bool names_fields() const noexcept { return names_fields_; }

  private:
    static constexpr std::size_t kUsual = 16;

    std::string_view first(FieldId id) const noexcept;
    void read_connection(std::string_view value);

    std::vector<HeaderField> items_;
    FieldSet present_;
    bool close_ = false;
    bool keep_alive_ = false;
    bool names_fields_ = false;
};

enum class BodyKind : std::uint8_t {
    none,         // no body bytes follow
    length,       // exactly Framing::length bytes follow
    chunked,      // chunked coding follows
    until_close,  // everything up to the end of the connection (responses only)
};

struct Framing {
    BodyKind kind = BodyKind::none;
    std::uint64_t length = 0;  // for BodyKind::length
};

struct RequestHead {
    std::string_view method;
    std::string_view target;  // origin-form path and query; absolute-form is reduced to it (host()
                              // then has its authority)
    std::string_view host;    // Host field, or the authority of an absolute-form target, which wins
                              // (RFC 9112 3.2.2)
    int minor_version = 1;    // HTTP/1.<minor>: 0 or 1
    Fields fields;
    Framing framing;
    bool keep_alive = true;        // the client allows another request on this connection
    bool expect_continue = false;  // Expect: 100-continue on an HTTP/1.1 request
    std::size_t size = 0;          // bytes of the head, final CRLF CRLF included
};

struct ResponseHead {
    unsigned status = 0;
    std::string_view reason;
    int minor_version = 1;
    Fields fields;
    Framing framing;         // already accounts for HEAD, 1xx, 204, 304
    bool keep_alive = true;  // the server allows another request on this connection
    std::size_t size = 0;
};

struct HeadLimits {
    std::size_t bytes = std::size_t{64} * 1024;  // of the whole head
    std::size_t fields = 128;
};

/// Why a head was refused. Each maps to one status for the client (status_for) and is `malformed`
/// or `connection` evidence from an upstream.
enum class HeadError : std::uint8_t {
    none,
    bad_syntax,   // not HTTP: bad token, bare LF or CR, NUL, obs-fold, space before the colon ...
    bad_version,  // not HTTP/1.0 or HTTP/1.1
    bad_framing,  // CL with TE, TE other than exactly "chunked", TE on HTTP/1.0, repeated or
                  // invalid CL, a name that is one of these but for '_' in the place of '-'
    bad_host,     // none or several Host fields on HTTP/1.1, or not a host
    bad_target,   // not origin-form or http(s) absolute-form (CONNECT, "*", fragments, userinfo)
    too_large,    // more than HeadLimits::bytes
    too_many_fields,     // more than HeadLimits::fields
    unsupported_coding,  // a Transfer-Encoding that exists but is not understood
    unexpected_upgrade,  // 101 from an upstream that was not asked
    target_too_long,     // the request line alone is more than HeadLimits::bytes
};

/// Short human text, e.g. "bare LF in the head". Static storage.
std::string_view describe(HeadError error) noexcept;
/// Status to answer a client whose request head failed: 400, 414, 431, 501 or 505.
unsigned status_for(HeadError error) noexcept;

enum class ParseResult : std::uint8_t { need_more, done, bad };

/// Incremental reader of one head. Give it the buffer from the first byte of the message each time,
/// longer each time; it remembers how far it looked, so a head that comes byte by byte costs linear
/// time. Syntax that can never become valid is reported at once, before the head is complete. The
/// first offending byte decides, so the verdict does not depend on how the bytes were split.
class HeadReader {
  public:
    explicit HeadReader(HeadLimits limits = {}) : limits_(limits) {}

    /// Empty lines before a request line are skipped (RFC 9112 2.2) and counted in head.size.
    /// Called again after `done`, it gives the same head again from what it remembers: the cheap
    /// way to slices of a buffer that moved.
    ParseResult read_request(std::string_view buffer, RequestHead& head);
    /// `to_head_request`: the answer to a HEAD request, which has no body whatever its fields say.
    /// 1xx heads parse with framing none; 101 is bad (unexpected_upgrade).
    ParseResult read_response(std::string_view buffer, bool to_head_request, ResponseHead& head);

    HeadError error() const noexcept { return error_; }
    /// The method of the request being read, as soon as it is known and whatever follows it; else
    /// empty. `buffer` as for read_request().
    std::string_view method(std::string_view buffer) const noexcept {
        return method_.end <= buffer.size() ? method_.of(buffer) : std::string_view();
    }
    /// Forget everything but the limits and be ready for the next message.
    void reset() noexcept;
    void reset(HeadLimits limits) noexcept {
        limits_ = limits;
        reset();
    }

  private:
    enum class Phase : std::uint8_t {
        fresh,
        empty_line,  // a CR of an empty line, or the first byte of a request
        empty_line_lf,
        method,
        target,
        version,
        request_line_end,
        status,
        reason,
        start_line_lf,
        line_start,  // the first byte of a field or of the final CRLF
        name,
        value,
        value_lf,
        final_lf,
        done,
    };
    // Offsets, because the buffer may move between two looks at it.
    struct Range {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        std::string_view of(std::string_view bytes) const {
            return bytes.substr(begin, end - begin);
        }
    };
    struct Line {
        std::uint32_t begin = 0;
        std::uint32_t colon = 0;
        std::uint32_t end = 0;  // where its CR is
    };

    ParseResult scan(std::string_view buffer, bool response);
    HeadError scan_start_line(std::string_view bytes);
    void scan_usual_status(std::string_view bytes);
    HeadError scan_method(std::string_view bytes);
    HeadError scan_target(std::string_view bytes);
    HeadError scan_version(std::string_view bytes);
    HeadError scan_status(std::string_view bytes);
    HeadError scan_reason(std::string_view bytes);
    HeadError scan_fields(std::string_view bytes);
    HeadError begin_line(char c, std::size_t at);
    std::size_t scan_whole_lines(std::string_view bytes, std::size_t at);
    void collect(std::string_view bytes, Fields& fields, struct Noted& noted) const;
    ParseResult fail(HeadError error) noexcept;

    HeadLimits limits_;
    HeadError error_ = HeadError::none;
    Phase phase_ = Phase::fresh;
    bool response_ = false;
    std::uint8_t minor_version_ = 0;
    std::uint16_t status_ = 0;
    Range method_;
    Range target_;
    Range reason_;
    std::size_t mark_ = 0;     // where the token being read begins
    std::size_t scanned_ = 0;  // bytes already looked at
    std::vector<Line> lines_;
};

/// True for the fields that belong to one connection and are never forwarded: Connection,
/// Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE, Trailer,
/// Transfer-Encoding, Upgrade.
bool is_hop_by_hop(std::string_view name) noexcept;

/// True when one of the Connection fields of this message names `name`. Fields that carry meaning
/// for the whole message (Content-Length, Content-Type, Authorization, Host, Cookie ...) are never
/// taken to be named: a client must not be able to strip them (fault 51).
bool named_by_connection(const Fields& fields, std::string_view name) noexcept;

}  // namespace understudy::wire
