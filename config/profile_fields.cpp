#include "config/profile_fields.hpp"

#include <algorithm>
#include <array>

namespace understudy::config {
namespace {

using enum FieldType;
using enum FieldFate;

// openhands/sdk/llm/llm.py, class LLM; `schema_version` is added by LLMProfileStore.save().
constexpr std::array kFields{
    ProfileField{"model", text, mapped},
    ProfileField{"api_key", text, mapped},
    ProfileField{"base_url", text, mapped},
    ProfileField{"api_version", text, mapped},
    ProfileField{"ollama_base_url", text, mapped},
    ProfileField{"auth_type", text, mapped},
    ProfileField{"schema_version", whole, mapped},
    ProfileField{"openrouter_site_url", text, mapped},
    ProfileField{"openrouter_app_name", text, mapped},
    ProfileField{"num_retries", whole, mapped},
    ProfileField{"retry_multiplier", number, mapped},
    ProfileField{"retry_min_wait", number, mapped},
    ProfileField{"retry_max_wait", number, mapped},
    ProfileField{"timeout", number, mapped},
    ProfileField{"stream_idle_timeout", number, mapped},
    ProfileField{"temperature", number, mapped},
    ProfileField{"top_p", number, mapped},
    ProfileField{"top_k", number, mapped},
    ProfileField{"seed", whole, mapped},
    ProfileField{"max_output_tokens", whole, mapped},
    ProfileField{"reasoning_effort", text, mapped},
    ProfileField{"model_canonical_name", text, mapped},
    ProfileField{"extra_headers", map, mapped},
    ProfileField{"litellm_extra_body", map, mapped},
    ProfileField{"input_cost_per_token", number, mapped},
    ProfileField{"output_cost_per_token", number, mapped},
    ProfileField{"drop_params", boolean, mapped},
    // Where the secret or the service is, in a way that is not spoken here.
    ProfileField{"provider_connection_id", text, refused},
    // Of Bedrock; the region is written for others as well. A role would have to be asked for.
    ProfileField{"aws_bedrock_runtime_endpoint", text, mapped},
    ProfileField{"aws_access_key_id", text, mapped},
    ProfileField{"aws_secret_access_key", text, mapped},
    ProfileField{"aws_session_token", text, mapped},
    ProfileField{"aws_region_name", text, mapped},
    ProfileField{"aws_profile_name", text, mapped},
    ProfileField{"aws_role_name", text, refused},
    ProfileField{"aws_session_name", any, ignored},
    // How the agent writes its requests and what it keeps of them.
    ProfileField{"api_mode", any, ignored},
    ProfileField{"stream", any, ignored},
    ProfileField{"subscription_vendor", any, ignored},
    ProfileField{"is_subscription", any, ignored},
    ProfileField{"max_message_chars", any, ignored},
    ProfileField{"max_input_tokens", any, ignored},
    ProfileField{"capability_overrides", any, ignored},
    ProfileField{"modify_params", any, ignored},
    ProfileField{"disable_vision", any, ignored},
    ProfileField{"disable_stop_word", any, ignored},
    ProfileField{"caching_prompt", any, ignored},
    ProfileField{"log_completions", any, ignored},
    ProfileField{"log_completions_folder", any, ignored},
    ProfileField{"custom_tokenizer", any, ignored},
    ProfileField{"native_tool_calling", any, ignored},
    ProfileField{"force_string_serializer", any, ignored},
    ProfileField{"inline_image_urls", any, ignored},
    ProfileField{"reasoning_summary", any, ignored},
    ProfileField{"enable_encrypted_reasoning", any, ignored},
    ProfileField{"prompt_cache_retention", any, ignored},
    ProfileField{"extended_thinking_budget", any, ignored},
    ProfileField{"usage_id", any, ignored},
    ProfileField{"service_id", any, ignored},
    ProfileField{"metadata", any, ignored},
    ProfileField{"safety_settings", any, ignored},
    ProfileField{"fallback_strategy", any, ignored},
};

}  // namespace

std::span<const ProfileField> profile_fields() {
    return kFields;
}

const ProfileField* find_profile_field(std::string_view name) {
    const auto at = std::find_if(kFields.begin(), kFields.end(),
                                 [&](const ProfileField& field) { return field.name == name; });
    return at == kFields.end() ? nullptr : &*at;
}

std::string_view describe(FieldType type) {
    switch (type) {
        case text:
            return "a text";
        case number:
            return "a number that is not negative";
        case whole:
            return "a whole number that is not negative";
        case boolean:
            return "true or false";
        case map:
            return "a map";
        case any:
            break;
    }
    return "a value";
}

}  // namespace understudy::config
