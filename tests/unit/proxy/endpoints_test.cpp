#include "proxy/endpoints.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::proxy;
using understudy::wire::AnswerShape;

namespace {

struct Row {
    const char* target;
    AnswerShape shape;
    const char* path;  // sent below the base URL
    bool streams = false;
};

}  // namespace

TEST_CASE("Proxied paths are known with and without /v1, and are sent without it") {
    const std::vector<Row> rows{
        {"/chat/completions", AnswerShape::chat, "/chat/completions", true},
        {"/v1/chat/completions", AnswerShape::chat, "/chat/completions", true},
        {"/v1/chat/completions?api-version=1&x=%2e%2E/../y", AnswerShape::chat,
         "/chat/completions?api-version=1&x=%2e%2E/../y", true},
        {"/chat/completions?", AnswerShape::chat, "/chat/completions?", true},
        {"/chat/completions??a", AnswerShape::chat, "/chat/completions??a", true},
        {"/v1/completions", AnswerShape::completion, "/completions", true},
        {"/v1/embeddings", AnswerShape::embeddings, "/embeddings"},
        {"/v1/responses", AnswerShape::responses, "/responses"},
        {"/v1/messages", AnswerShape::messages, "/messages"},
        {"/v1/messages?beta=true", AnswerShape::messages, "/messages?beta=true"},
        {"/v1/messages/count_tokens", AnswerShape::messages_count, "/messages/count_tokens"},
        {"/v1/moderations", AnswerShape::moderations, "/moderations"},
        {"/v1/images/generations", AnswerShape::images, "/images/generations"},
        {"/images/edits?n=1", AnswerShape::images, "/images/edits?n=1"},
        {"/v1/audio/speech", AnswerShape::speech, "/audio/speech"},
        {"/audio/transcriptions", AnswerShape::transcription, "/audio/transcriptions"},
    };
    for (const Row& row : rows) {
        INFO(row.target);
        const auto endpoint = match_endpoint("POST", row.target);
        CHECK(endpoint.kind == EndpointKind::proxied);
        CHECK(endpoint.shape == row.shape);
        CHECK(endpoint.path == row.path);
        CHECK(endpoint.streams == row.streams);
        CHECK(endpoint.method_ok);
        CHECK(endpoint.allow == "POST");
    }
}

TEST_CASE("Google's actions name their model and whether events are wanted") {
    struct Action {
        const char* target;
        AnswerShape shape;
        const char* model;
        const char* action;
        bool asks_events = false;
    };
    for (const Action& row : std::vector<Action>{
             {"/v1beta/models/gemini-x:generateContent", AnswerShape::gemini, "gemini-x",
              ":generateContent"},
             {"/v1/models/gemini-x:generateContent?key=k", AnswerShape::gemini, "gemini-x",
              ":generateContent?key=k"},
             {"/models/a/b%2Fc:generateContent", AnswerShape::gemini, "a/b%2Fc",
              ":generateContent"},
             {"/v1beta/models/ft:x:generateContent", AnswerShape::gemini, "ft:x",
              ":generateContent"},
             {"/v1beta/models/g:streamGenerateContent?alt=sse", AnswerShape::gemini, "g",
              ":streamGenerateContent?alt=sse", true},
             {"/v1beta/models/g:streamGenerateContent?key=k&$alt=sse", AnswerShape::gemini, "g",
              ":streamGenerateContent?key=k&$alt=sse", true},
             {"/v1beta/models/g:streamGenerateContent", AnswerShape::gemini_list, "g",
              ":streamGenerateContent"},
             {"/v1beta/models/g:streamGenerateContent?alt=sse&alt=json", AnswerShape::gemini_list,
              "g", ":streamGenerateContent?alt=sse&alt=json"},
             {"/v1beta/models/g:streamGenerateContent?alt=sses", AnswerShape::gemini_list, "g",
              ":streamGenerateContent?alt=sses"},
             {"/v1beta/models/g:generateContent?alt=sse", AnswerShape::gemini, "g",
              ":generateContent?alt=sse"},
             {"/v1beta/models/g:countTokens", AnswerShape::gemini_count, "g", ":countTokens"},
         }) {
        INFO(row.target);
        const auto endpoint = match_endpoint("POST", row.target);
        CHECK(endpoint.kind == EndpointKind::proxied);
        CHECK(endpoint.dialect == understudy::wire::Dialect::gemini);
        CHECK(endpoint.shape == row.shape);
        CHECK(endpoint.argument == row.model);
        CHECK(endpoint.action == row.action);
        CHECK(endpoint.asks_events == row.asks_events);
        CHECK(match_endpoint("GET", row.target).allow == "POST");
        CHECK_FALSE(match_endpoint("GET", row.target).method_ok);
    }
    for (const auto* target :
         {"/v1beta/models/:generateContent", "/v1beta/models/g:embedContent",
          "/v1beta/chat/completions", "/v1beta/messages", "/v1beta", "/v1beta/",
          "/v1/v1beta/models/g:generateContent", "/v1beta/models:generateContent",
          "/v1beta/models/g:GenerateContent"}) {
        INFO(target);
        CHECK(match_endpoint("POST", target).kind != EndpointKind::proxied);
    }
}

TEST_CASE("The dialect of a path is that of its errors") {
    using understudy::wire::Dialect;
    CHECK(match_endpoint("POST", "/v1/chat/completions").dialect == Dialect::chat);
    CHECK(match_endpoint("POST", "/v1/embeddings").dialect == Dialect::chat);
    CHECK(match_endpoint("POST", "/v1/responses").dialect == Dialect::responses);
    CHECK(match_endpoint("POST", "/v1/messages/count_tokens").dialect == Dialect::messages);
    CHECK(match_endpoint("GET", "/v1beta/models").dialect == Dialect::gemini);
    CHECK(match_endpoint("GET", "/v1beta/models").kind == EndpointKind::models);
    CHECK(match_endpoint("GET", "/v1beta/models/g").kind == EndpointKind::model);
    CHECK(match_endpoint("GET", "/v1/models").dialect == Dialect::chat);
    // Fine-tuned models have colons in their names.
    CHECK(match_endpoint("GET", "/v1/models/ft:gpt-4o:org::id").argument == "ft:gpt-4o:org::id");
}

TEST_CASE("What is not exactly a known path is never forwarded") {
    for (const char* target : {
             "",
             "/",
             "*",
             "?",
             "/v1",
             "/v1/",
             "/v1//chat/completions",
             "//v1/chat/completions",
             "/v1/v1/chat/completions",
             "/v2/chat/completions",
             "/V1/chat/completions",
             "/v1/Chat/completions",
             "/v1/chat/Completions",
             "/v1/chat/completions/",
             "/v1/chat/completions/x",
             "/v1/chat//completions",
             "/v1/chat",
             "/v1/chat/completionsx",
             "/v1/chat/./completions",
             "/v1/./chat/completions",
             "/v1/../v1/chat/completions",
             "/v1/chat/completions/..",
             "/v1/x/../chat/completions",
             "/v1/chat/%63ompletions",
             "/v1/chat%2fcompletions",
             "/v1/chat%2Fcompletions",
             "/v1/%2e%2e/admin",
             "/v1/%2e/chat/completions",
             "/v1/chat/completions%3fx",
             "/v1/chat/completions%00",
             "/v1/chat/completions#x",
             "/v1/chat/completions;x=1",
             "/v1/chat/completions&x",
             "/v1\\chat\\completions",
             "v1/chat/completions",
             "chat/completions",
             " /v1/chat/completions",
             "/v1/chat/completions ",
             "http://other.example/v1/chat/completions",
             "/v1/images",
             "/v1/images/",
             "/v1/images/..",
             "/v1/images/.",
             "/v1/images/%2e%2e",
             "/v1/images/a/b",
             "/v1/images/../admin",
             "/v1/images/a.b",
             "/v1/images//generations",
             "/v1/audio/",
             "/v1/audio/../../admin",
             "/v1/audio/speech/",
             "/v1/responses/resp_1",
             "/v1/embeddings/",
             "/v1/files",
             "/v1/fine_tuning/jobs",
             "/v1/models/",
             "/models/",
             "/v1/healthz",
             "/v1/metrics",
             "/v1/readyz",
             "/healthz/",
             "/metrics/",
             "/Metrics",
             "/api",
             "/ui",
         }) {
        INFO(target);
        const auto endpoint = match_endpoint("POST", target);
        CHECK(endpoint.kind == EndpointKind::unknown);
        CHECK(endpoint.path.empty());
    }
    const std::string with_nul("/v1/chat/completions\0x", 22);
    CHECK(match_endpoint("POST", with_nul).kind == EndpointKind::unknown);
}

TEST_CASE("Pages of the proxy itself are read, and a query changes nothing") {
    for (const auto& [target, kind] : {std::pair{"/healthz", EndpointKind::healthz},
                                       {"/readyz", EndpointKind::readyz},
                                       {"/metrics", EndpointKind::metrics},
                                       {"/metrics?name[]=up", EndpointKind::metrics},
                                       {"/models", EndpointKind::models},
                                       {"/v1/models", EndpointKind::models},
                                       {"/v1/models?limit=5", EndpointKind::models}}) {
        INFO(target);
        const auto endpoint = match_endpoint("GET", target);
        CHECK(endpoint.kind == kind);
        CHECK(endpoint.allow == "GET, HEAD");
        CHECK(endpoint.path.empty());
    }
    for (const auto& [target, argument] : {std::pair{"/v1/models/gpt-4o", "gpt-4o"},
                                           {"/models/openai/gpt-4o", "openai/gpt-4o"},
                                           {"/models/a%2Fb?x=1", "a%2Fb"},
                                           {"/models/..", ".."}}) {
        INFO(target);
        const auto endpoint = match_endpoint("GET", target);
        CHECK(endpoint.kind == EndpointKind::model);
        CHECK(endpoint.argument == argument);
        CHECK(endpoint.path.empty());
    }
}

TEST_CASE("Only the right method goes on, compared with case") {
    for (const char* method :
         {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "Post", "POSTS", ""}) {
        INFO(method);
        const auto endpoint = match_endpoint(method, "/v1/chat/completions");
        CHECK(endpoint.kind == EndpointKind::proxied);
        CHECK_FALSE(endpoint.method_ok);
        CHECK(endpoint.allow == "POST");
    }
    for (const char* target : {"/healthz", "/readyz", "/metrics", "/v1/models", "/v1/models/x"}) {
        INFO(target);
        CHECK(match_endpoint("GET", target).method_ok);
        CHECK(match_endpoint("HEAD", target).method_ok);
        CHECK_FALSE(match_endpoint("POST", target).method_ok);
        CHECK_FALSE(match_endpoint("DELETE", target).method_ok);
        CHECK_FALSE(match_endpoint("get", target).method_ok);
    }
}
