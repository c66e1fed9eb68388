#include "wire/head.hpp"

#include "wire/framing.hpp"
#include "wire/octets.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <array>
#include <limits>

namespace understudy::wire {
namespace {

namespace http = boost::beast::http;
using Code = boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView text) {
    return {text.data(), text.size()};
}

// Beast's grammar without Beast's containers: every callback stores slices of the caller's buffer.
// The values are slices too, because obs-fold, the one thing Beast copies for, never gets here.
template <bool is_request>
class Grammar final : public http::basic_parser<is_request> {
  public:
    explicit Grammar(Fields& fields) : fields_(fields) {
        // HeadLimits has been checked; a body is never shown to this parser.
        this->header_limit(std::numeric_limits<std::uint32_t>::max());
        this->body_limit(boost::none);
    }

    Noted noted;
    std::string_view method;
    std::string_view target;
    std::string_view reason;
    int minor_version = 1;
    unsigned status = 0;

  private:
    void on_request_impl(http::verb, BeastView name, BeastView text, int version, Code&) override {
        method = view(name);
        target = view(text);
        minor_version = version - 10;
    }
    void on_response_impl(int code, BeastView text, int version, Code&) override {
        status = static_cast<unsigned>(code);
        reason = view(text);
        minor_version = version - 10;
    }
    void on_field_impl(http::field id, BeastView name, BeastView text, Code&) override {
        const auto value = view(text);
        fields_.add(view(name), value);
        note(id, value);
    }
    void note(http::field id, std::string_view value);

    void on_header_impl(Code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
    std::size_t on_body_impl(BeastView, Code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, BeastView, Code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, BeastView, Code&) override { return 0; }
    void on_finish_impl(Code&) override {}

    Fields& fields_;
};

template <bool is_request>
void Grammar<is_request>::note(http::field id, std::string_view value) {
    switch (id) {
        case http::field::content_length:
            ++noted.lengths;
            noted.length = value;
            return;
        case http::field::transfer_encoding:
            ++noted.codings;
            noted.coding = value;
            return;
        case http::field::host:
            ++noted.hosts;
            noted.host = value;
            return;
        case http::field::connection:
            for_each_element(value, [this](std::string_view option) {
                noted.close = noted.close || iequals(option, "close");
                noted.keep_alive = noted.keep_alive || iequals(option, "keep-alive");
                return true;
            });
            return;
        case http::field::expect:
            noted.expects_continue = noted.expects_continue || iequals(value, "100-continue");
            return;
        default:
            return;
    }
}

HeadError error_of(const Code& ec) noexcept {
    if (!ec) return HeadError::none;
    if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length ||
        ec == http::error::bad_transfer_encoding) {
        return HeadError::bad_framing;
    }
    return HeadError::bad_syntax;
}

// Reads one complete head. Whatever Beast leaves over would be a head that it and the scan see
// differently: refused.
template <bool is_request>
HeadError read(std::string_view head, Grammar<is_request>& grammar) {
    Code ec;
    const auto used = grammar.put({head.data(), head.size()}, ec);
    if (!ec && (used != head.size() || !grammar.is_header_done())) return HeadError::bad_syntax;
    return error_of(ec);
}

// Beast insists on the SP behind the status code. Where it is missing, Beast gets a status line
// that has it, and the fields as they came.
constexpr std::size_t kShortStatusLine = 12;  // "HTTP/1.1 200", then CRLF

HeadError read_status_line_and_fields(std::string_view head, Grammar<false>& grammar) {
    if (head[kShortStatusLine] == ' ') return read(head, grammar);
    std::array<char, kShortStatusLine + 3> line;
    auto* end = std::copy_n(head.data(), kShortStatusLine, line.data());
    for (const char c : {' ', '\r', '\n'}) *end++ = c;
    Code ec;
    grammar.put({line.data(), line.size()}, ec);
    if (ec != http::error::need_more) return HeadError::bad_syntax;
    grammar.reason = head.substr(kShortStatusLine, 0);
    return read(head.substr(kShortStatusLine + 2), grammar);
}

// Host is needed on HTTP/1.1 and never ambiguous; an absolute-form target overrules it, but does
// not excuse a wrong one (RFC 9112 3.2).
HeadError find_host(const Noted& noted, std::string_view authority, RequestHead& head) noexcept {
    if (noted.hosts > 1 || (noted.hosts == 0 && head.minor_version == 1)) {
        return HeadError::bad_host;
    }
    if (noted.hosts == 1 && !is_host(noted.host)) return HeadError::bad_host;
    head.host = authority.empty() ? noted.host : authority;
    return HeadError::none;
}

HeadError interpret(const Grammar<true>& grammar, RequestHead& head) noexcept {
    Target target;
    if (!split_target(grammar.target, target)) return HeadError::bad_target;
    head.method = grammar.method;
    head.target = target.path;
    head.minor_version = grammar.minor_version;
    auto error = find_host(grammar.noted, target.authority, head);
    if (error != HeadError::none) return error;
    error = frame_request(grammar.noted, head.minor_version, head.framing);
    head.keep_alive = is_persistent(grammar.noted, head.minor_version);
    // Without a body there is nothing to wait for (RFC 9110 10.1.1).
    const bool has_body = head.framing.kind == BodyKind::chunked || head.framing.length != 0;
    head.expect_continue = grammar.noted.expects_continue && head.minor_version == 1 && has_body;
    return error;
}

HeadError interpret(const Grammar<false>& grammar, bool to_head_request,
                    ResponseHead& head) noexcept {
    head.status = grammar.status;
    head.reason = grammar.reason;
    head.minor_version = grammar.minor_version;
    if (head.status == 101) return HeadError::unexpected_upgrade;
    head.keep_alive = is_persistent(grammar.noted, head.minor_version);
    return frame_response(grammar.noted, head.minor_version, head.status, to_head_request,
                          head.framing, head.keep_alive);
}

}  // namespace

ParseResult HeadReader::read_request(std::string_view buffer, RequestHead& head) {
    const auto result = scan(buffer, false);
    if (result != ParseResult::done) return result;
    head.fields.clear();
    Grammar<true> grammar(head.fields);
    auto error = read(buffer.substr(start_, scanned_ - start_), grammar);
    if (error == HeadError::none) error = interpret(grammar, head);
    if (error != HeadError::none) return fail(error);
    head.size = scanned_;
    return ParseResult::done;
}

ParseResult HeadReader::read_response(std::string_view buffer, bool to_head_request,
                                      ResponseHead& head) {
    const auto result = scan(buffer, true);
    if (result != ParseResult::done) return result;
    head.fields.clear();
    Grammar<false> grammar(head.fields);
    auto error = read_status_line_and_fields(buffer.substr(0, scanned_), grammar);
    if (error == HeadError::none) error = interpret(grammar, to_head_request, head);
    if (error != HeadError::none) return fail(error);
    head.size = scanned_;
    return ParseResult::done;
}

ParseResult HeadReader::fail(HeadError error) noexcept {
    error_ = error;
    return ParseResult::bad;
}

void HeadReader::reset() noexcept {
    *this = HeadReader(limits_);
}

std::string_view describe(HeadError error) noexcept {
    switch (error) {
        case HeadError::none:
            return "no error";
        case HeadError::bad_syntax:
            return "the head is not valid HTTP/1";
        case HeadError::bad_version:
            return "the HTTP version is neither 1.0 nor 1.1";
        case HeadError::bad_framing:
            return "Content-Length and Transfer-Encoding do not define one body length";
        case HeadError::bad_host:
            return "there must be exactly one valid Host field";
        case HeadError::bad_target:
            return "the request target is not a path or an http(s) URL";
        case HeadError::too_large:
            return "the head is longer than the limit";
        case HeadError::too_many_fields:
            return "the head has more fields than the limit";
        case HeadError::unsupported_coding:
            return "the only transfer coding understood is chunked";
        case HeadError::unexpected_upgrade:
            return "the server switched protocols without being asked";
        case HeadError::target_too_long:
            return "the request line is longer than the limit";
    }
    return "unknown error";
}

unsigned status_for(HeadError error) noexcept {
    switch (error) {
        case HeadError::too_large:
        case HeadError::too_many_fields:
            return 431;
        case HeadError::target_too_long:
            return 414;
        case HeadError::unsupported_coding:
            return 501;
        case HeadError::bad_version:
            return 505;
        default:
            return 400;
    }
}

}  // namespace understudy::wire
