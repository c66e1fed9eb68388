// The tools that a client of /responses declares: a list with groups in it, and more of them among
// the items of the conversation. Other APIs know plain lists only, so that names are laid flat: a
// tool's own name where no other has it, else the group's name, two underscores and its own. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::responses {

/// What the client calls a tool of a talk: its name without the group's.
std::string_view client_name(const Tool& tool);

/// Fills a talk's tools. First every list is added, then they are named, then the choice is read.
class ToolList {
  public:
    explicit ToolList(Talk& talk) : talk_(talk) {}

    /// `where` the list stands in the request, for messages.
    void add(Value list, const std::string& where) { add(list, where, {}); }
    void name_all();
    /// `tool_choice`. Both it and `parallel_tool_calls` go where there is no tool left.
    void choose(Value choice);
    /// The name in the talk of a tool that the client calls by these two.
    std::string sent(std::string_view space, std::string_view name) const;
    std::optional<Problem>& problem() { return problem_; }

  private:
    void add(Value list, const std::string& where, const std::string& space);
    void one(Value tool, const std::string& where, const std::string& space);
    void group(Value tool, const std::string& where);
    void hosted(const std::string& type);
    void put(Tool tool);
    void keep_allowed(Value tools);
    std::optional<std::string> chosen(Value choice) const;
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Talk& talk_;
    std::optional<Problem> problem_;
    bool lost_ = false;                         // one was dropped that its provider runs
    std::string needs_others_;                  // one that is dropped only beside others
    std::map<std::string, std::size_t> index_;  // by group and name
    std::map<std::string, std::string, std::less<>> by_name_;  // of all groups; "": several
};

}  // namespace understudy::dialects::responses
