// What a request asks of the form of its answer: JSON, by a schema maybe, and which functions may
// be called with which arguments. In the four APIs that have such a thing; looked at only where a
// route judges answers by it. Internal to wire: quality.hpp is what others use.
#pragma once

#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>

namespace understudy::wire {

struct AskedFor {
    bool json = false;      // the text must be JSON
    bool object = false;    // and an object
    nlohmann::json schema;  // that it must satisfy; null: none

    /// Functions by name, with the schema of their arguments; null: any.
    std::map<std::string, nlohmann::json, std::less<>> tools;
    bool other_tools = false;  // there are tools that bring functions of their own
};

/// `facts` are those of `body`. What cannot be read asks for nothing.
AskedFor asked_for(AnswerShape shape, std::string_view body, const RequestFacts& facts);

/// The member of an object; null when it has none, or is no object.
const nlohmann::json* member_of(const nlohmann::json& object, const char* key);
/// The text of such a member; empty when it is none.
std::string_view text_of(const nlohmann::json& object, const char* key);

}  // namespace understudy::wire
