// What the proxy needs to know of a request body, and the edits that turn it into what one upstream
// gets.
#pragma once

#include "wire/clear_blocks.hpp"
#include "wire/json_scan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::wire {

/// The facts of one request body, found once; offsets refer to that body. Reusable: scan_* resets
/// it.
struct RequestFacts {
    bool json = false;                // a JSON object (else multipart, or opaque bytes)
    Span object;                      // of the outermost object, braces included
    std::vector<JsonMember> members;  // of the outermost object
    std::string model;  // decoded; of the LAST "model" member (what parsers that keep one, keep)
    std::vector<Span> model_values;  // every top-level model value (all are replaced), or the
                                     // multipart field's bytes
    bool has_model = false;          // the last "model" member is a string (an empty one counts)
    bool stream = false;             // the last top-level "stream" is true, as lax_bool() reads it
    bool include_usage = false;      // stream_options.include_usage is true, read alike
    bool odd_stream = false;         // "stream" is nothing that lax_bool() can read
    // A member that decides something here and that servers would read differently: named twice,
    // or in another case than the API's (some servers fold case). Empty: none. Static text.
    std::string_view ambiguous;
    /// Forms: what is not plain about one of its parts, so that servers may read other fields out
    /// of it than this; static text, null where there is nothing.
    const char* odd_part = nullptr;
    unsigned decisive = 0;  // which of those members were seen, one bit each
};

/// Scans a JSON body. Returns the problem when it is not one well-formed object. `clear`: what was
/// found out about this body while it came; it saves time and changes nothing else.
std::optional<JsonProblem> scan_request(std::string_view body, RequestFacts& facts,
                                        const ClearBlocks* clear = nullptr);

/// Finds the field named "model" (and "stream" = "true") in a multipart/form-data body (RFC 7578).
/// Returns false when the boundary never occurs; a form without a model is fine (has_model =
/// false).
bool scan_multipart(std::string_view body, std::string_view boundary, RequestFacts& facts);

/// The boundary parameter of a multipart/form-data content type; empty when there is none. Quotes
/// removed.
std::string multipart_boundary(std::string_view content_type);

/// Replace body[range] by text. Pure insertion when the range is empty.
struct Edit {
    Span range;
    std::string text;
};

/// A number that is moved into a range; one that is in it stays as it is written.
struct MemberRange {
    std::string member;
    double least = 0;
    double most = 0;
};

/// What one upstream wants changed. `set` values are JSON texts. Keys are top-level names.
struct BodyRewrite {
    std::vector<std::pair<std::string, std::string>> set;
    std::vector<std::string> drop;
    std::vector<std::pair<std::string, std::string>> rename;  // from, to
    std::vector<MemberRange> bounds = {};
    bool empty() const { return set.empty() && drop.empty() && rename.empty() && bounds.empty(); }
};

/// Plans the edits for one upstream, sorted and not overlapping:
/// - every model value becomes `model` when given (a missing one is inserted at the front of the
/// object);
/// - with `ask_usage`, stream_options.include_usage becomes true: inserted into an existing object,
/// replacing a
///   false or null, or as a new member;
/// - rename, then drop, then bounds, then set (set replaces every duplicate or appends one member).
/// A rename whose target
///   is already present in the body drops the source instead, so that no duplicate appears.
/// White space and everything else stays as it is. For multipart only the model is replaced.
std::vector<Edit> plan_edits(std::string_view body, const RequestFacts& facts,
                             const std::optional<std::string>& model, bool ask_usage,
                             const BodyRewrite& rewrite);

/// body with edits as slices, ready for a gather write; slices point into body and into edits.
void slices_of(std::string_view body, const std::vector<Edit>& edits,
               std::vector<std::string_view>& out);
/// Total size of those slices.
std::size_t edited_size(std::string_view body, const std::vector<Edit>& edits);

}  // namespace understudy::wire
