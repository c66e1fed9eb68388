// Documents that are text, sent as base64: some APIs take them as files, the others as the words
// that they are. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "wire/dialect.hpp"

#include <string>

namespace understudy::dialects {

/// What a document of text says, its title in front: the inside of a string.
std::string words_of(const Media& media);

/// Makes a text of every such document that this API does not take as data. One that is no text,
/// whatever its type says, stays as it is.
void spell_out_documents(Talk& talk, wire::Dialect dialect);

/// What a document is called as a file (the inside of a string): servers go by how the name ends.
std::string file_name(const Media& media);

}  // namespace understudy::dialects
