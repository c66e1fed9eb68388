// The list of models that OpenAI-compatible servers answer GET /models with.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// The names in `{"data":[{"id":...}]}`, in order, each at most 256 bytes, at most `most` of them;
/// a bare list is read too (as Together answers), and what is no such entry is passed over.
/// Google's "models/" in front of a name is taken off: its chat endpoint takes the name without.
/// False: the body is no list.
bool read_model_list(std::string_view body, std::size_t most, std::vector<std::string>& names);

}  // namespace understudy::wire
