// The order that APIs demand of a conversation: turns that alternate, and each call answered in the
// turn behind it. What a client sends may have been shortened or stitched together. Pure.
#pragma once

#include "dialects/talk.hpp"

namespace understudy::dialects {

/// What was said by the system in the middle becomes a part of the user's words, where it stands:
/// moved to the front it would change every prompt's beginning, and empty the provider's cache.
void system_as_user(Talk& talk);

/// Whether the user says nothing where the model is to answer, or nowhere: the last words are the
/// assistant's then, or there are none. Elsewhere a message without words is left out.
bool asks_nothing(const Talk& talk);

/// Merges neighbours; puts results in front of other words in their turn; answers calls that have
/// no result and makes words of results that have no call. Calls of one turn that share an id are
/// answered in order, and a second result for one call adds to the first. Empty texts go.
void mend_turns(Talk& talk);

/// Gives calls that have no id, or one that was used before, an id of their own, and their results
/// with them: some APIs refuse an id that comes twice. The same each time, and a longer history
/// changes none. Behind mend_turns().
void tell_calls_apart(Talk& talk);

/// Whether the assistant's last turn calls tools and has no thought in it: a model that is told in
/// tokens how much to think is refused then when it is to think.
bool calls_without_thought(const Talk& talk);

/// Declares what was called where no tool is declared: some APIs refuse calls in the history then.
void declare_called_tools(Talk& talk);

}  // namespace understudy::dialects
