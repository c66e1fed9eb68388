// Golden files: what each client asks, what is asked of another API in its place, and what becomes
// of the answer. One file holds a list of cases; a case has what it is about and leaves out the
// rest.
//   client, target, model     the dialects, and the model as it is called at the target; `list`:
//                             Gemini's answer as a list
//   request -> sent           and `dropped`, names of what is lost; or `problem`, its beginning
//   answer -> client_answer   whole bodies
//   events -> client_events   of a stream; data alone, or [name, data]; "[DONE]" is text
//   error, status -> client_error
#include "dialects/translate.hpp"
#include "source_path.hpp"
#include "wire/classify.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kCreated = 1'790'000'000;

wire::Dialect dialect_named(const std::string& name) {
    for (std::size_t i = 0; i < wire::kDialects; ++i) {
        if (wire::kDialectNames[i] == name) return static_cast<wire::Dialect>(i);
    }
    FAIL("no dialect " + name);
    return {};
}

wire::AnswerShape shape_of(wire::Dialect dialect) {
    using wire::AnswerShape;
    switch (dialect) {
        case wire::Dialect::messages:
            return AnswerShape::messages;
        case wire::Dialect::responses:
            return AnswerShape::responses;
        case wire::Dialect::gemini:
            return AnswerShape::gemini;
        case wire::Dialect::converse:
        case wire::Dialect::chat:
            break;
    }
    return AnswerShape::chat;
}

/// A case's request, translated.
struct Run {
    explicit Run(const Json& row) {
        const Json request = row.value("request", Json::object());
        body = request.is_string() ? request.get<std::string>() : request.dump();
        ask.shape = row.value("list", false) ? wire::AnswerShape::gemini_list
                                             : shape_of(dialect_named(row.at("client")));
        ask.body = body;
        asked = request.is_object() ? request.value("model", "asked") : "asked";
        ask.model = asked;
        ask.stream = row.contains("events");
        ask.include_usage = row.value("include_usage", true);
        ask.created = kCreated;
        ask.seed = "seed";
        model = row.value("model", "served");
        thinking = row.value("thinking", "");
        target.dialect = dialect_named(row.at("target"));
        target.model = model;
        target.completion_tokens = row.value("completion_tokens", false);
        target.max_output = row.value("max_output", 0);
        target.thinking = thinking;
        problem = translate(ask, target, outgoing, translation);
    }
    std::string body, asked, model, thinking;
    Ask ask;
    Target target;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    std::optional<Problem> problem;
};

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// A case's stream as an upstream would send it.
std::string sse_of(const Json& events) {
    std::string out;
    for (const auto& event : events) {
        if (event.is_array()) out += "event: " + text_of(event[0]) + "\n";
        out += "data: " + text_of(event.is_array() ? event[1] : event) + "\n\n";
    }
    return out;
}

/// The events in a text that was written for a client.
Json events_in(const std::string& text) {
    Json out = Json::array();
    wire::SseScanner scanner;
    wire::SseEvent event;
    for (std::string_view rest = text; scanner.next(rest, event);
         rest.remove_prefix(event.raw.size())) {
        const auto data = Json::parse(event.data, nullptr, false);
        const Json one = data.is_object() ? data : Json(std::string(event.data));
        if (event.name.empty()) {
            out.push_back(one);
        } else {
            out.push_back(Json::array({std::string(event.name), one}));
        }
    }
    return out;
}

/// The stream, arriving in two pieces.
std::string translated(Run& run, const std::string& stream, std::size_t cut) {
    std::string out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::size_t from = 0;
    for (const std::size_t here : {cut, stream.size()}) {
        auto rest = std::string_view(stream).substr(from, here - from);
        while (scanner.next(rest, event)) {
            run.translation->event(event.data, event.name, out);
            from += event.raw.size();
            rest.remove_prefix(event.raw.size());
        }
    }
    run.translation->end(out);
    run.translation->end(out);  // once is enough
    return out;
}

void check(const Json& expected, const Json& got) {
    INFO("expected " + expected.dump(1));
    INFO("got      " + got.dump(1));
    CHECK(nlohmann::json(expected) == nlohmann::json(got));
}

void check_request(const Json& row) {
    const Run run(row);
    if (row.contains("problem")) {
        REQUIRE(run.problem);
        const bool bad = run.problem->kind == Problem::Kind::bad_request;
        const auto said = (bad ? "bad_request: " : "unsupported: ") + run.problem->what;
        CHECK(said.starts_with(row["problem"].get<std::string>()));
        INFO(said);
        return;
    }
    if (run.problem) FAIL(run.problem->what);
    if (row.contains("sent")) check(row["sent"], Json::parse(run.outgoing.body));
    check(row.value("dropped", Json::array()), Json(run.outgoing.dropped));
    CHECK(run.outgoing.shape == shape_of(run.target.dialect));
}

void check_stream(const Json& row) {
    const auto stream = sse_of(row["events"]);
    Run whole(row);
    REQUIRE_FALSE(whole.problem);
    const auto text = translated(whole, stream, stream.size());
    check(row["client_events"], events_in(text));
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
        Run run(row);
        CAPTURE(cut);
        REQUIRE(translated(run, stream, cut) == text);
    }
}

void check_case(const Json& row) {
    INFO(row.value("name", ""));
    check_request(row);
    if (row.contains("answer")) {
        Run run(row);
        REQUIRE_FALSE(run.problem);
        check(row["client_answer"], Json::parse(run.translation->whole(text_of(row["answer"]))));
    }
    if (row.contains("events")) check_stream(row);
    if (row.contains("error")) {
        const Run run(row);
        REQUIRE_FALSE(run.problem);
        const auto status = row.value("status", 500U);
        const auto error = text_of(row["error"]);
        const auto cause = wire::cause_of(wire::classify_status(status, error, {}), status);
        check(row["client_error"], Json::parse(run.translation->error(error, cause)));
    }
}

}  // namespace

TEST_CASE("Requests and answers are translated as the golden files have them") {
    const std::filesystem::path folder =
        understudy::test::source_path("tests/unit/dialects/golden");
    std::size_t cases = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (file.path().extension() != ".json") continue;
        INFO(file.path().filename().string());
        std::ifstream in(file.path());
        const auto rows = Json::parse(in, nullptr, true, true);
        for (const auto& row : rows) {
            check_case(row);
            ++cases;
        }
    }
    CHECK(cases > 50);
}
