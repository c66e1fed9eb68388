#include "dialects/unsealed.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace understudy::dialects {

using wire::Dialect;

TEST_CASE("a request goes again without the thoughts that were refused, and is else what it was") {
    struct Row {
        const char* name;
        Dialect dialect;
        std::string_view body, expected;
    };
    const Row rows[] = {
        {"thoughts of Claude's go, all of them", Dialect::messages,
         R"({"model":"m", "n":1.50,"messages":[{"role":"user","content":"a\u00e9"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"},{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"redacted_thinking","data":"d"},{"type":"tool_use","id":"t","name":"f","input":{}}]}]})",
         R"({"model":"m","n":1.50,"messages":[{"role":"user","content":"a\u00e9"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}]})"},
        {"a turn that only thought goes whole", Dialect::messages,
         R"({"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x"}]},{"role":"user","content":"b"}]})",
         R"({"messages":[{"role":"user","content":"b"}]})"},
        {"what demands them goes with them", Dialect::messages,
         R"({"thinking":{"type":"enabled","budget_tokens":1024},"context_management":{"edits":[]},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"b"}]}]})",
         R"({"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}]})"},
        {"what does not stays", Dialect::messages,
         R"({"thinking":{"type":"adaptive"},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"b"}]}]})",
         R"({"thinking":{"type":"adaptive"},"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}]})"},
        {"nothing to take out", Dialect::messages,
         R"({"thinking":{"type":"enabled"},"messages":[{"role":"user","content":"thinking"}]})",
         ""},
        {"messages that are none", Dialect::messages, R"({"messages":"x"})", ""},
        {"items of thought of OpenAI's", Dialect::responses,
         R"({"input":[{"type":"reasoning","encrypted_content":"gA"},{"role":"user","content":"a"}],"store":false})",
         R"({"input":[{"role":"user","content":"a"}],"store":false})"},
        {"ids of what was made with a thought go with it", Dialect::responses,
         R"({"input":[{"type":"message","id":"msg_0","role":"user","content":"a"},{"type":"reasoning","id":"rs_1"},{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","id":"fco_1","call_id":"c","output":"x"}]})",
         R"({"input":[{"type":"message","id":"msg_0","role":"user","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","id":"fco_1","call_id":"c","output":"x"}]})"},
        {"a plain input", Dialect::responses, R"({"input":"reasoning"})", ""},
        {"seals of Google's: a call has to have one", Dialect::gemini,
         R"({"contents":[{"role":"model","parts":[{"text":"t","thought":true},{"text":"a","thoughtSignature":"x"},{"functionCall":{"name":"f"},"thoughtSignature":"x"}]}]})",
         R"({"contents":[{"role":"model","parts":[{"text":"a"},{"functionCall":{"name":"f"},"thoughtSignature":"skip_thought_signature_validator"}]}]})"},
        {"a turn of Google's that only thought goes whole", Dialect::gemini,
         R"({"contents":[{"parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"t","thought":true}]}]})",
         R"({"contents":[{"parts":[{"text":"a"}]}]})"},
        {"what is no turn and no part stays what it is", Dialect::gemini,
         R"({"contents":[7,{"parts":[8,{"text":"t","thought":true}]},{"parts":[]}]})",
         R"({"contents":[7,{"parts":[8]},{"parts":[]}]})"},
        {"one that stands for none", Dialect::gemini,
         R"({"contents":[{"parts":[{"functionCall":{"name":"f"},"thoughtSignature":"skip_thought_signature_validator"}]}]})",
         ""},
        {"seals that clients of Chat carry: Google's in calls, Anthropic's in LiteLLM's member",
         Dialect::chat,
         R"({"messages":[{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"S"}],"tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"Eq","x":1},"y":2},"function":{"name":"f"}}]},{"role":"tool","content":"x"}],"n":1})",
         R"({"messages":[{"role":"assistant","tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"skip_thought_signature_validator","x":1},"y":2},"function":{"name":"f"}}]},{"role":"tool","content":"x"}],"n":1})"},
        {"one of chat's that stands for none", Dialect::chat,
         R"({"messages":[7,{"tool_calls":[8,{"extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}}]}]})",
         ""},
        {"a body of Converse's", Dialect::converse,
         R"({"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x","signature":"s"}}},{"reasoningContent":{"redactedContent":"EqQB"}},{"text":"b"}]}],"inferenceConfig":{}})",
         R"({"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}],"inferenceConfig":{}})"},
        {"one of Converse's without any", Dialect::converse,
         R"({"messages":[{"role":"assistant","content":[{"text":"b"}]}],"inferenceConfig":{}})",
         ""},
        {"chat has no seals of its own", Dialect::chat,
         R"({"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x"}]}]})",
         ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(without_seals(row.dialect, row.body) == row.expected);
    }
}

TEST_CASE("refusals of seals, as the APIs word them") {
    const auto anthropic = [](std::string_view message) {
        return R"({"type":"error","error":{"type":"invalid_request_error","message":")" +
               std::string(message) + "\"}}";
    };
    CHECK(refuses_seals(
        400, anthropic("messages.1.content.0: Invalid `signature` in `thinking` block")));
    CHECK(refuses_seals(400, anthropic("messages.1: Invalid `data` in `redacted_thinking` block")));
    CHECK(refuses_seals(400, anthropic("`thinking` or `redacted_thinking` blocks in the latest "
                                       "assistant message cannot be modified.")));
    CHECK(refuses_seals(400, anthropic("Expected `thinking`. When `thinking` is enabled, a final "
                                       "`assistant` message must start with a thinking block")));
    CHECK(refuses_seals(400, R"({"error":{"message":"x","code":"invalid_encrypted_content"}})"));
    CHECK(refuses_seals(400, anthropic("The encrypted content gAAA could not be verified.")));
    CHECK(refuses_seals(400, anthropic("Item with id 'rs_0123' not found.")));
    CHECK(refuses_seals(400, anthropic("Item 'fc_1' of type 'function_call' was provided without "
                                       "its required 'reasoning' item: 'rs_1'.")));
    CHECK_FALSE(refuses_seals(400, anthropic("Item with id 'msg_1' not found.")));
    CHECK(refuses_seals(
        400, R"({"error":{"code":400,"message":"Function call is missing a )"
             R"(thought_signature in functionCall parts.","status":"INVALID_ARGUMENT"}})"));
    CHECK(refuses_seals(422, anthropic("Thought signature is not valid")));
    CHECK_FALSE(
        refuses_seals(400, anthropic("max_tokens must be greater than thinking.budget_tokens")));
    CHECK_FALSE(refuses_seals(400, anthropic("thinking is not supported by this model")));
    CHECK_FALSE(refuses_seals(401, anthropic("Invalid `signature` in `thinking` block")));
    CHECK_FALSE(refuses_seals(500, R"({"error":{"code":"invalid_encrypted_content"}})"));
    CHECK_FALSE(refuses_seals(400, ""));
    // Bedrock's, and what it quotes of its models.
    CHECK(refuses_seals(400,
                        R"({"message":"User messages cannot contain reasoning content. Please )"
                        R"(remove the reasoning content and try again."})"));
    CHECK(refuses_seals(400, R"({"message":"The model returned the following errors: )"
                             R"(messages.369.content.0.thinking.signature: Field required"})"));
    CHECK(refuses_seals(400, R"({"message":"This model doesn't support the )"
                             R"(reasoningContent.reasoningText.signature field."})"));
}

}  // namespace understudy::dialects
