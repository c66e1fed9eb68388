// Which rung a broken answer is gone on with.
#include "proxy/rescue/chat/dialect.hpp"
#include "proxy/rescue/ladder.hpp"
#include "tests/unit/proxy/rescue_support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;
using config::PrefillKind;

namespace {

Wishes asking(const std::string& members = R"("stream":true)") {
    return wishes_of(
        request_of(R"({"messages":[{"role":"user","content":"Hi"}],)" + members + "}"));
}

std::string text_of(const Rungs& rungs) {
    if (!rungs.any()) return rungs.why_none;
    std::string out;
    for (const auto& [allowed, name] :
         {std::pair(rungs.prefill, "prefill "), std::pair(rungs.instruct, "instruct "),
          std::pair(rungs.restart, "restart ")}) {
        if (allowed) out += name;
    }
    return out;
}

}  // namespace

TEST_CASE("What the request asks for and what was sent leave some rungs, or none") {
    const auto told = transcript_of("So far");
    struct Row {
        const char* members;
        const char* rungs;
    };
    const std::vector<Row> rows{
        {R"("stream":true)", "prefill instruct restart "},
        {R"("tools":[{"type":"function"}])", "prefill restart "},
        {R"("response_format":{"type":"json_object"})", "prefill restart "},
        {R"("guided_json":{"type":"object"})", "prefill restart "},
        {R"("n":2)", "more than one choice was asked for"},
        {R"("logprobs":true)", "logprobs were asked for"},
        {R"("modalities":["text","audio"])", "more than text was asked for"},
        {R"("messages":[])", "the request is no conversation"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.members);
        CHECK(text_of(allowed_rungs(told, asking(row.members))) == row.rungs);
    }
    CHECK(text_of(allowed_rungs(transcript_of({{{"tool_calls", {{{"index", 0}, {"id", "c"}}}}}}),
                                asking())) == "a tool call has begun");
    auto finished = transcript_of("So far");
    finished.sent(event_of(chunk_data(Json::object(), "stop")));
    CHECK(text_of(allowed_rungs(finished, asking())) == "the answer was finished");
    // Nothing but thoughts, or white space: any answer goes on with that.
    CHECK(text_of(allowed_rungs(transcript_of({{{"reasoning_content", "Hm"}}}), asking())) ==
          "restart ");
    CHECK(text_of(allowed_rungs(transcript_of("\n\n"), asking(R"("tools":[{}])"))) == "restart ");
}

TEST_CASE("An upstream is asked with the highest rung that it is set to and can do") {
    const Rungs all{true, true, true, nullptr};
    const Rungs with_tools{true, false, true, nullptr};
    const Rungs only_restart{false, false, true, nullptr};
    struct Row {
        Rungs allowed;
        config::Continuation setting;
        PrefillKind kind;
        bool refused;
        const char* rung;
    };
    const auto automatic = config::Continuation::automatic;
    const std::vector<Row> rows{
        {all, automatic, PrefillKind::assistant, false, "prefill"},
        {all, automatic, PrefillKind::prefix, false, "prefill"},
        {all, automatic, PrefillKind::none, false, "instruct"},
        {all, automatic, PrefillKind::assistant, true, "instruct"},
        {with_tools, automatic, PrefillKind::assistant, false, "prefill"},
        {with_tools, automatic, PrefillKind::none, false, "restart"},
        {with_tools, automatic, PrefillKind::prefix, true, "restart"},
        {only_restart, automatic, PrefillKind::assistant, false, "restart"},
        {all, config::Continuation::prefill, PrefillKind::assistant, false, "prefill"},
        {all, config::Continuation::prefill, PrefillKind::assistant, true, "instruct"},
        {all, config::Continuation::instruct, PrefillKind::assistant, false, "instruct"},
        {with_tools, config::Continuation::instruct, PrefillKind::assistant, false, "restart"},
        {all, config::Continuation::restart, PrefillKind::assistant, false, "restart"},
        {all, config::Continuation::none, PrefillKind::assistant, false, "none"},
        {Rungs{}, automatic, PrefillKind::assistant, false, "none"},
    };
    const auto request = asking();
    for (const Row& row : rows) {
        Capabilities can;
        can.setting = row.setting;
        can.prefill = row.kind;
        can.prefill_refused = row.refused;
        const auto rung = choose_rung(row.allowed, can, request);
        CHECK((rung ? std::string(name_of(*rung)) : "none") == row.rung);
    }
}

TEST_CASE("What was tried in vain is asked for below") {
    struct Row {
        config::Continuation setting;
        Rung tried;
        std::string rung;
    };
    const std::vector<Row> rows{
        {config::Continuation::automatic, Rung::prefill, "instruct"},
        {config::Continuation::automatic, Rung::instruct, "restart"},
        {config::Continuation::automatic, Rung::restart, "none"},
        {config::Continuation::prefill, Rung::instruct, "restart"},
        {config::Continuation::instruct, Rung::instruct, "restart"},
        {config::Continuation::none, Rung::instruct, "none"},
    };
    const Rungs all{true, true, true, nullptr};
    for (const Row& row : rows) {
        Capabilities can;
        can.setting = row.setting;
        can.prefill = PrefillKind::assistant;
        can.tried = row.tried;
        const auto rung = choose_rung(all, can, asking());
        CHECK((rung ? std::string(name_of(*rung)) : "none") == row.rung);
    }
    Capabilities can;
    can.tried = Rung::prefill;
    CHECK(choose_rung({true, false, true, nullptr}, can, asking()) == Rung::restart);
}

TEST_CASE("Where a schema is enforced from the first new token on, a prefill would tear it") {
    Capabilities can;
    can.prefill = PrefillKind::continue_final_message;
    can.schema_from_start = true;
    const Rungs allowed{true, false, true, nullptr};
    CHECK(choose_rung(allowed, can, asking(R"("guided_json":{"a":1})")) == Rung::restart);
    CHECK(choose_rung(allowed, can, asking(R"("tools":[{}])")) == Rung::prefill);
    can.schema_from_start = false;
    CHECK(choose_rung(allowed, can, asking(R"("guided_json":{"a":1})")) == Rung::prefill);
}

TEST_CASE("An upstream's preset and its setting say how a prefill is marked") {
    config::Upstream upstream;
    CHECK(prefill_kind(upstream) == PrefillKind::none);
    upstream.continuation = config::Continuation::prefill;
    CHECK(prefill_kind(upstream) == PrefillKind::assistant);
    upstream.preset = config::find_preset("mistral");
    CHECK(prefill_kind(upstream) == PrefillKind::prefix);
    upstream.preset = config::find_preset("openai");
    CHECK(prefill_kind(upstream) == PrefillKind::assistant);
    upstream.continuation = config::Continuation::automatic;
    CHECK(prefill_kind(upstream) == PrefillKind::none);
    upstream.preset = config::find_preset("vllm");
    const auto can = capabilities_of(upstream, true);
    CHECK(can.prefill == PrefillKind::continue_final_message);
    CHECK(can.schema_from_start);
    CHECK(can.prefill_refused);
}

TEST_CASE("Who takes a prefill is a matter of both APIs and of the model") {
    using wire::Dialect;
    struct Row {
        Dialect upstream;
        const char* preset;
        Dialect client;
        const char* model;
        config::Continuation setting;
        PrefillKind kind;
    };
    const auto automatic = config::Continuation::automatic;
    const auto prefill = config::Continuation::prefill;
    const std::vector<Row> rows{
        {Dialect::messages, nullptr, Dialect::messages, "claude-sonnet-4-5", automatic,
         PrefillKind::assistant},
        {Dialect::messages, nullptr, Dialect::chat, "vertex/claude-opus-4-1@20250805", automatic,
         PrefillKind::assistant},
        {Dialect::messages, nullptr, Dialect::messages, "claude-opus-4-6", automatic,
         PrefillKind::none},
        {Dialect::messages, nullptr, Dialect::messages, "gateways-own", automatic,
         PrefillKind::none},
        {Dialect::messages, nullptr, Dialect::messages, "gateways-own", prefill,
         PrefillKind::assistant},
        {Dialect::converse, nullptr, Dialect::chat, "eu.anthropic.claude-haiku-4-5-v1:0", automatic,
         PrefillKind::assistant},
        // A translation is written as the model is known to take it.
        {Dialect::messages, nullptr, Dialect::chat, "claude-opus-4-6", prefill, PrefillKind::none},
        {Dialect::messages, nullptr, Dialect::chat, "gateways-own", prefill, PrefillKind::none},
        {Dialect::messages, nullptr, Dialect::chat, "claude-sonnet-4-5", prefill,
         PrefillKind::assistant},
        {Dialect::converse, nullptr, Dialect::messages, "amazon.nova-pro", prefill,
         PrefillKind::none},
        {Dialect::gemini, nullptr, Dialect::gemini, "gemini-m", automatic, PrefillKind::none},
        {Dialect::gemini, nullptr, Dialect::gemini, "gemini-m", prefill, PrefillKind::assistant},
        // The marks of chat's servers are no words of another API.
        {Dialect::chat, "mistral", Dialect::messages, "m", automatic, PrefillKind::none},
        {Dialect::chat, "mistral", Dialect::messages, "m", prefill, PrefillKind::none},
        {Dialect::chat, "openrouter", Dialect::messages, "m", automatic, PrefillKind::assistant},
        // Responses have no way to say it.
        {Dialect::responses, nullptr, Dialect::messages, "m", prefill, PrefillKind::none},
        {Dialect::chat, "openrouter", Dialect::responses, "m", prefill, PrefillKind::none},
    };
    for (const Row& row : rows) {
        config::Upstream upstream;
        upstream.dialect = row.upstream;
        upstream.continuation = row.setting;
        if (row.preset != nullptr) upstream.preset = config::find_preset(row.preset);
        CAPTURE(row.model, wire::name_of(row.upstream), wire::name_of(row.client));
        CHECK(prefill_kind(upstream, row.client, row.model) == row.kind);
    }
}

TEST_CASE("Anthropic's models take no prefill beside thoughts or a schema") {
    config::Upstream upstream;
    upstream.dialect = wire::Dialect::messages;
    const auto can = capabilities_of(upstream, false, wire::Dialect::messages, "claude-opus-4-5");
    const Rungs all{true, true, true, nullptr};
    Wishes wishes;
    CHECK(choose_rung(all, can, wishes) == Rung::prefill);
    wishes.thinking = true;
    CHECK(choose_rung(all, can, wishes) == Rung::instruct);
    wishes.thinking = false;
    wishes.schema = true;
    CHECK(choose_rung({true, false, true, nullptr}, can, wishes) == Rung::restart);
}

TEST_CASE("DeepSeek takes a prefill at its beta address only") {
    config::Upstream upstream;
    CHECK(prefill_path(upstream).empty());
    upstream.preset = config::find_preset("deepseek");
    upstream.base_url.host = "api.deepseek.com";
    CHECK(prefill_path(upstream) == "/beta");
    upstream.base_url.host = "gateway.example.com";
    CHECK(prefill_path(upstream).empty());
    upstream.preset = config::find_preset("mistral");
    upstream.base_url.host = "api.mistral.ai";
    CHECK(prefill_path(upstream).empty());
}

TEST_CASE("Refusals of a prefill are told from other refusals") {
    const auto error = [](const char* message) {
        return Json{{"error", {{"message", message}, {"type", "invalid_request_error"}}}}.dump();
    };
    for (const char* message :
         {"This model does not support assistant message prefill. The conversation must end with a "
          "user message.",
          "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
          "assistant",
          "Assistant response prefill is incompatible with enable_thinking.",
          "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
          "Conversation roles must alternate user/assistant/user/assistant/..."}) {
        CAPTURE(message);
        CHECK(refuses_prefill(error(message)));
    }
    for (const char* message :
         {"Unknown parameter: 'top_k'.", "maximum context length is 8192", ""}) {
        CAPTURE(message);
        CHECK_FALSE(refuses_prefill(error(message)));
    }
    CHECK(refuses_prefill(R"({"object":"error","message":"Expected last role User or Tool"})"));
    CHECK_FALSE(refuses_prefill(""));
}
