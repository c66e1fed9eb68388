// Tools, and the choice among them, in the words of any API that has a list of them: clients and
// the libraries below them write one API's words where another's are meant, and servers that speak
// several take them all. What they mean is the same, so every reader reads them all. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>

namespace understudy::dialects {

/// How a tool is declared. Kinds of members are its reader's to check.
struct ToolForm {
    Value definition;        // the object that has name, description and the like; may be no object
    Value schema;            // of the arguments, under any of its names
    bool wrapped = false;    // the definition is a member of the tool: chat
    bool custom = false;     // it takes free text
    bool hosted = false;     // its type is none of the client's tools: its own provider runs it
    bool named_type = true;  // it has a type that is text
};
ToolForm tool_form(Value tool);
/// Names the members of a definition that nobody reads: "tools[].defer_loading".
void name_lost_members(Value definition, Talk& talk);

/// What is to be called.
struct ChoiceForm {
    Choice::Kind kind = Choice::Kind::unsaid;
    Value named;        // `named`: the object that has the name
    Value allowed;      // of some tools only: the list of them; absent: all are
    bool some = false;  // `allowed` is meant
    bool one_at_a_time = false;
};
/// Reads `tool_choice`, in a word or in an object. A type that is not known is unsupported, and
/// whatever else is none is wrong.
std::optional<Problem> read_choice_form(Value choice, ChoiceForm& form);

/// The object that has the name, in what refers to a tool: itself, or what it wraps.
Value reference_in(Value named);

}  // namespace understudy::dialects
