// Any bytes as a request body: the scan must stay inside them, agree with itself, and every splice
// of a body that was accepted must be accepted again and mean what was asked for.
#include "wire/request_body.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace understudy::wire;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/// A wish made of the input itself, so that the fuzzer can aim at keys that are there.
BodyRewrite rewrite_from(std::string_view body, const RequestFacts& facts, unsigned choice) {
    BodyRewrite rewrite;
    for (const JsonMember& member : facts.members) {
        const auto key = decode_string(member.key.of(body));
        require(key.has_value());
        if ((choice & 1U) != 0) rewrite.drop.push_back(*key);
        if ((choice & 2U) != 0) rewrite.set.emplace_back(*key, "{\"x\":[1]}");
        if ((choice & 4U) != 0) rewrite.rename.emplace_back(*key, "renamed");
        choice = choice / 2 + ((choice & 1U) << 5);
    }
    return rewrite;
}

std::string splice(std::string_view body, const std::vector<Edit>& edits) {
    std::size_t from = 0;
    for (const Edit& edit : edits) {
        require(edit.range.begin >= from && edit.range.end >= edit.range.begin);
        from = edit.range.end;
    }
    require(from <= body.size());
    std::vector<std::string_view> slices;
    slices_of(body, edits, slices);
    std::string out;
    for (const auto slice : slices) out += slice;
    require(out.size() == edited_size(body, edits));
    return out;
}

void check_splices(std::string_view body, const RequestFacts& facts, unsigned choice) {
    const auto wished = splice(body, plan_edits(body, facts, "m\"", true, {}));
    RequestFacts after;
    require(!scan_request(wished, after));
    require(after.has_model && after.model == "m\"" && after.include_usage);
    require(after.stream == facts.stream);
    require(plan_edits(wished, after, "m\"", true, {}).empty());
    require(splice(body, plan_edits(body, facts, std::nullopt, false, {})) == body);
    const BodyRewrite rewrite = rewrite_from(body, facts, choice);
    require(!scan_request(splice(body, plan_edits(body, facts, "m", (choice & 8U) != 0, rewrite)),
                          after));
}

/// Blocks are longer than what a fuzzer likes to make: each byte is given a block of its own.
void check_clear_blocks(std::string_view body, const RequestFacts& facts,
                        const std::optional<JsonProblem>& problem) {
    if (body.size() > 64) {
        ClearBlocks clear;
        clear.extend(body);
        RequestFacts again;
        require(scan_request(body, again, &clear).has_value() == problem.has_value());
        require(again.members.size() == facts.members.size() || problem);
        return;
    }
    std::string wide;
    for (const char byte : body) {
        const bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'g' && byte <= 'z');
        wide.append(letter ? ClearBlocks::kBlock : 1, byte);
    }
    ClearBlocks clear;
    for (std::size_t came = 0; came < wide.size(); came += 3000) {
        clear.extend(std::string_view(wide).substr(0, came));
    }
    RequestFacts plain;
    RequestFacts hinted;
    const auto expected = scan_request(wide, plain);
    const auto found = scan_request(wide, hinted, &clear);
    require(expected.has_value() == found.has_value());
    require(!expected || expected->offset == found->offset);
    require(expected || (plain.model == hinted.model && plain.object == hinted.object));
}

void check_multipart(std::string_view body) {
    const std::size_t line = body.find('\n');
    if (line == std::string_view::npos) return;
    const std::string boundary = multipart_boundary(body.substr(0, line));
    RequestFacts facts;
    if (!scan_multipart(body.substr(line + 1), boundary.empty() ? "b" : boundary, facts)) return;
    const std::string_view form = body.substr(line + 1);
    for (const Span& value : facts.model_values) require(value.end <= form.size());
    splice(form, plan_edits(form, facts, "m", true, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    RequestFacts facts;
    const auto problem = scan_request(body, facts);
    check_clear_blocks(body, facts, problem);
    JsonKind kind = JsonKind::null;
    const bool is_object = !check_json(body, kind) && kind == JsonKind::object;
    require(is_object == !problem);
    require(!problem || (problem->offset <= size && problem->what != nullptr));
    if (!problem) check_splices(body, facts, size > 2 ? data[size / 2] : 0U);
    const auto decoded = decode_string(encode_string(body));
    require(decoded && decode_string(encode_string(*decoded)) == decoded);
    decode_string(body);
    check_multipart(body);
    return 0;
}
