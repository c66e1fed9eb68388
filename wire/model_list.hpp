// The list of models that upstreams answer GET /models with, in whatever dialect.
#pragma once

#include "wire/dialect.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// Where it is, below the base URL, or empty where there is none there; with as many to a page as
/// the service gives.
std::string_view model_list_path(Dialect dialect) noexcept;

/// The names in `{"data":[{"id":...}]}` or Google's `{"models":[{"name":...}]}`, in order, each at
/// most 256 bytes, at most `most` of them; a bare list is read too (as Together answers), and what
/// is no such entry is passed over. Google's "models/" in front of a name is taken off: it is asked
/// for without. False: the body is no list.
bool read_model_list(std::string_view body, std::size_t most, std::vector<std::string>& names);

}  // namespace understudy::wire
