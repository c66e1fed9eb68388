#include "proxy/unknown_path.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::proxy;
using understudy::wire::Dialect;

TEST_CASE("The mistake behind an unknown path is guessed, and nothing else is") {
    struct Row {
        const char* target;
        const char* said;  // in the guess; empty: no guess at all
        Dialect dialect = Dialect::chat;
        const char* unsaid = "\x01";
    };
    using enum Dialect;
    const char* const ends_in_v1 = "should end in /v1";
    const std::vector<Row> rows{
        {"/v1/v1/messages", "without /v1. Did you mean /v1/messages?", messages, ends_in_v1},
        {"/v1/v1/messages/count_tokens", "Did you mean /v1/messages/count_tokens?", messages,
         ends_in_v1},
        {"/anthropic/v1/messages", "without /anthropic. Did you mean /v1/messages?", messages,
         ends_in_v1},
        {"/anthropic/messages", "Did you mean /v1/messages?", messages, ends_in_v1},
        {"/v1/v1/chat/completions", "/v1 twice", chat, "seems to end"},
        {"/v1/v1beta/models/g:generateContent",
         "without /v1. Did you mean /v1beta/models/g:generateContent?", gemini, ends_in_v1},
        {"/v1beta/v1beta/models/g:countTokens", "without /v1beta.", gemini, ends_in_v1},
        {"/v1beta/v1/models/g:countTokens", "without /v1beta.", gemini, ends_in_v1},
        {"/gemini/models/g:generateContent", "Did you mean /v1beta/models/", gemini, ends_in_v1},
        {"/v1/messages/batches", "one by one", messages},
        {"/v1/message", "Did you mean /v1/messages?", messages},
        {"/v1/messagess", "Did you mean /v1/messages?", messages},
        {"/v1/messages/count_token", "/v1/messages/count_tokens", messages},
        {"/v1/response", "Did you mean /v1/responses?", responses},
        {"/v1/chat/completion", "Did you mean /v1/chat/completions?"},
        {"/v1/chat/complete", "Did you mean /v1/chat/completions?"},
        {"/v1/Chat/Completion/", "Did you mean /v1/chat/completions?"},
        {"/chat/completion", "Did you mean /chat/completions?"},
        {"/chat/completions/", "Did you mean /chat/completions?"},
        {"/v1/completion", "Did you mean /v1/completions?"},
        {"/v1/embedding", "Did you mean /v1/embeddings?"},
        {"/v1/moderation", "Did you mean /v1/moderations?"},
        {"/v1/image/generations", "Did you mean /v1/images/generations?"},
        {"/v1/model", "Did you mean /v1/models?"},
        {"/message", "Did you mean /messages?", messages},
        {"/v1/messages/count-tokens", "Did you mean /v1/messages/count_tokens?", messages},
        {"/health", "Did you mean /healthz?"},
        {"/v1/metric", "Did you mean /metrics?"},
        {"/v1/responses/resp_1/cancel", "are not kept", responses},
        {"/v1/responses/compacts", "/v1/responses/compact", responses},
        {"/api/generate", "/v1/completions", chat},
        {"/api/show", "/v1/models", chat},
        {"/api/other", "upstreams", chat},
        {"/v1/v1/chat/completions", "Did you mean /v1/chat/completions?"},
        {"/v1/v1/models", "Did you mean /v1/models?"},
        {"/v1/chat/completions/chat/completions", "Did you mean /v1/chat/completions?"},
        {"/v1/chat/completions/v1/embeddings", "Did you mean /v1/embeddings?"},
        {"/chat/completions/responses", "Did you mean /v1/responses?"},
        {"/api/v1/chat/completions", "seems to end in /api,"},
        {"/v2/chat/completions", "seems to end in /v2,"},
        {"/v1/chat/completions/", "Did you mean /v1/chat/completions?"},
        {"//v1//chat/completions", "Did you mean /v1/chat/completions?"},
        {"/V1/Chat/Completions?x=1", "Did you mean /v1/chat/completions?"},
        {"/openai/deployments/gpt/chat/completions", "Azure"},
        {"/v1beta/models/gemini:embedContent", ":generateContent"},
        {"/v1beta/openai/chat/completions", "/v1"},
        {"/api/chat", "Ollama"},
        {"/api/tags", "/v1/models"},
        {"/v1", "Did you mean /v1/chat/completions?"},
        {"/v1/files", ""},
        {"/v1/batches", ""},
        {"/v1/threads", ""},
        {"/v1/complete", ""},
        {"/v1/rerank", ""},
        {"/status", ""},
        {"/robots.txt", ""},
        {"/favicon.ico", ""},
        {"/", ""},
        {"", ""},
    };
    for (const auto& row : rows) {
        INFO(row.target);
        const auto guess = guess_mistake(row.target);
        if (*row.said == '\0') {
            CHECK(guess.empty());
        } else {
            CHECK(guess.find(row.said) != std::string::npos);
            CHECK(guess.find(row.unsaid) == std::string::npos);
        }
        if (row.dialect != chat) CHECK(dialect_of_path(row.target) == row.dialect);
    }
}

TEST_CASE("A path is shown without its query, without control characters and not at any length") {
    CHECK(shown_path("/a?key=hush") == "/a");
    CHECK(shown_path("/a\x1b\x80 b") == "/a???b");
    CHECK(shown_path("/" + std::string(5000, 'x')).size() < 300);
}

TEST_CASE("The shape of an error is that of the API whose path was asked for") {
    for (const auto& [target, dialect] : {std::pair{"/v1/messages", Dialect::messages},
                                          {"/v1/messages/count_tokens?x", Dialect::messages},
                                          {"/v1/messagesx", Dialect::messages},
                                          {"/v1beta/models/g:generateContent", Dialect::gemini},
                                          {"/v1/models/g:streamGenerateContent", Dialect::gemini},
                                          {"/v1/models/g", Dialect::chat},
                                          {"/v1/chat/completions", Dialect::chat},
                                          {"/x", Dialect::chat}}) {
        INFO(target);
        CHECK(dialect_of_path(target) == dialect);
    }
}
