#include "wire/request_body.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

namespace {

std::string part(std::string_view headers, std::string_view content) {
    return "--XX\r\n" + std::string(headers) + "\r\n\r\n" + std::string(content) + "\r\n";
}

std::string field(std::string_view name, std::string_view content) {
    return part("Content-Disposition: form-data; name=\"" + std::string(name) + "\"", content);
}

RequestFacts scanned(std::string_view body, std::string_view boundary = "XX") {
    RequestFacts facts;
    facts.json = true;  // stale on purpose
    REQUIRE(scan_multipart(body, boundary, facts));
    CHECK_FALSE(facts.json);
    return facts;
}

std::string with_model(const std::string& body, const std::string& model) {
    const auto edits = plan_edits(body, scanned(body), model, true, {{{"a", "1"}}, {"b"}, {}});
    std::vector<std::string_view> slices;
    slices_of(body, edits, slices);
    std::string out;
    for (const auto slice : slices) out += slice;
    CHECK(out.size() == edited_size(body, edits));
    return out;
}

}  // namespace

TEST_CASE("The boundary is read from every spelling of the content type") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"multipart/form-data; boundary=abc", "abc"},
        {"multipart/form-data;boundary=abc", "abc"},
        {"Multipart/Form-Data ; charset=utf-8 ; BOUNDARY = \"a b;c\" ; x=y", "a b;c"},
        {R"(multipart/form-data; boundary="a\"b")", "a\"b"},
        {"multipart/form-data; x=\"; boundary=no\"; boundary=yes", "yes"},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
         "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
        {"multipart/form-data", ""},
        {"multipart/form-data; boundary", ""},
        {"multipart/form-data; boundary=", ""},
        {"multipart/mixed; boundary=abc", ""},
        {"application/json", ""},
        {"", ""},
        {"multipart/form-data; boundary=" + std::string(71, 'a'), ""}};
    for (const auto& [type, expected] : rows) {
        CAPTURE(type);
        CHECK(multipart_boundary(type) == expected);
    }
}

TEST_CASE("The model field is found wherever it stands and replaced without a trace") {
    const std::string file = part(
        "Content-Disposition: form-data; name=\"file\"; filename=\"a; name=model.wav\"\r\n"
        "Content-Type: audio/wav",
        std::string("RIFF\0\r\n--X\r\n\r\n--XY", 18));
    for (const bool model_first : {true, false}) {
        const std::string before = model_first ? "" : file;
        const std::string after =
            (model_first ? file : "") + field("stream", "true") + "--XX--\r\n";
        const std::string body = before + field("model", "whisper-1") + after;
        const RequestFacts facts = scanned(body);
        CHECK(facts.model == "whisper-1");
        CHECK(facts.has_model);
        CHECK(facts.stream);
        REQUIRE(facts.model_values.size() == 1);
        CHECK(facts.model_values[0].of(body) == "whisper-1");
        CHECK(with_model(body, "large") == before + field("model", "large") + after);
        CHECK(with_model(body, "whisper-1") == body);
    }
}

TEST_CASE("Part headers are read without regard to case, order and quoting") {
    for (const char* headers :
         {"content-disposition:form-data;name=model",
          "Content-Type: text/plain\r\nCONTENT-DISPOSITION: form-data ; NAME = model",
          "Content-Disposition: form-data; filename=\"x\"; name=\"model\""}) {
        CAPTURE(headers);
        CHECK(scanned(part(headers, "m") + "--XX--").model == "m");
    }
    for (const char* headers :
         {"Content-Disposition: form-data; name=\"models\"", "X-Name: model",
          "Content-Disposition: form-data; filename=\"; name=model\"", "Content-Disposition"}) {
        CAPTURE(headers);
        CHECK_FALSE(scanned(part(headers, "m") + "--XX--").has_model);
    }
}

TEST_CASE("Every model field is replaced and the last one counts") {
    const std::string body = field("model", "a") + field("model", "") + "--XX--\r\nepilogue";
    const RequestFacts facts = scanned(body);
    CHECK(facts.model.empty());
    CHECK(facts.model_values.size() == 2);
    CHECK(with_model(body, "z") ==
          field("model", "z") + field("model", "z") + "--XX--\r\nepilogue");
}

TEST_CASE("A preamble, padding behind the boundary and empty parts are legal") {
    const std::string body =
        "preamble\r\n--XX \t\r\nContent-Disposition: form-data; name=model\r\n\r\n"
        "m\r\n--XX\r\n\r\nno headers\r\n--XX\r\n--XX--";
    CHECK(scanned(body).model == "m");
}

TEST_CASE("A form that is cut or ends is read no further") {
    const std::string whole = field("model", "m") + "--XX--";
    CHECK_FALSE(scanned(field("model", "m")).has_model);
    CHECK_FALSE(scanned("--XX--\r\n" + whole).has_model);
    for (std::size_t cut = 4; cut < whole.size() - 8; ++cut) {
        const std::string prefix(whole, 0, cut);
        CAPTURE(prefix);
        CHECK_FALSE(scanned(prefix).has_model);
    }
}

TEST_CASE("A body in which the boundary never occurs is no form") {
    RequestFacts facts;
    CHECK_FALSE(scan_multipart("", "XX", facts));
    CHECK_FALSE(scan_multipart("--XY\r\n", "XX", facts));
    CHECK_FALSE(scan_multipart("text --XX\r\n", "XX", facts));
    CHECK_FALSE(scan_multipart("----", "", facts));
}

TEST_CASE("A part that others may read another field out of is noticed") {
    const auto model = std::string("Content-Disposition: form-data; name=\"model\"");
    struct Row {
        const char* title;
        std::string second;
        bool odd;
    };
    const Row rows[] = {
        {"plain", field("prompt", "x"), false},
        {"a file with two spellings of its name",
         part("Content-Disposition: form-data; name=\"file\"; filename=\"a\"; "
              "filename*=utf-8''a",
              "x"),
         false},
        {"no head", "--XX\r\n\r\nx\r\n", false},
        {"dashes in the content", field("prompt", "a--XX\r\nb"), false},
        {"a head that ends in bare line feeds", "--XX\r\n" + model + "\n\nzzz\r\n", true},
        {"the same, with an empty line later", "--XX\r\n" + model + "\n\nzzz\r\n\r\n\r\n", true},
        {"a bare carriage return", part("X: y\r" + model, "zzz"), true},
        {"a folded line", part("Content-Disposition:\r\n form-data; name=\"model\"", "zzz"), true},
        {"an extended name", part("Content-Disposition: form-data; name*=utf-8''model", "zzz"),
         true},
        {"two names", part("Content-Disposition: form-data; name=\"x\"; name=\"model\"", "zzz"),
         true},
        {"two dispositions", part("Content-Disposition: form-data; name=\"x\"\r\n" + model, "zzz"),
         true},
        {"a delimiter that ends in a line feed", "--XX\n" + model + "\r\n\r\nzzz\r\n", true},
        {"a delimiter behind a line feed", field("prompt", "a\n--XX\r\n" + model + "\r\n\r\nzzz"),
         true},
        {"a delimiter behind a carriage return", field("prompt", "a\r--XX\r\nb"), true},
        {"a head without end", part("X: " + std::string(20'000, ';'), "x"), true},
    };
    for (const auto& row : rows) {
        INFO(row.title);
        const auto first = field("model", "gpt-1");
        CHECK((scanned(first + row.second + "--XX--").odd_part != nullptr) == row.odd);
        CHECK((scanned(row.second + first + "--XX--").odd_part != nullptr) == row.odd);
    }
}
