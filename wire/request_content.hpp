// What a request holds, as far as a route may depend on it: images, tools, a rough size of the
// prompt. Looked at only where some route asks; a second walk over a body that has been scanned.
#pragma once

#include "wire/request_body.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::wire {

struct RequestContent {
    bool images = false;  // some message carries an image, in whatever way its API writes that
    bool tools = false;   // functions are offered that the model may call
    /// An estimate: four bytes of text a token, which fits English and overrates nothing by much.
    /// Text is what people and tools wrote: no base64, no URL, no identifier. Lists of token
    /// numbers (/v1/embeddings, /v1/completions) count one each, and the descriptions of tools
    /// count as they are.
    std::uint64_t prompt_tokens = 0;
    bool operator==(const RequestContent&) const = default;
};

/// `facts` are those of `body`. A body that is no JSON object holds nothing that is known.
RequestContent read_content(std::string_view body, const RequestFacts& facts);

}  // namespace understudy::wire
