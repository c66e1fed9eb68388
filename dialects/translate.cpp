#include "dialects/translate.hpp"

#include "dialects/chat/chat.hpp"
#include "dialects/chat/error.hpp"
#include "dialects/converse/answer_reader.hpp"
#include "dialects/converse/request_writer.hpp"
#include "dialects/data_url.hpp"
#include "dialects/gemini/answer_reader.hpp"
#include "dialects/gemini/answer_writer.hpp"
#include "dialects/gemini/error.hpp"
#include "dialects/gemini/request_reader.hpp"
#include "dialects/gemini/request_writer.hpp"
#include "dialects/messages/messages.hpp"
#include "dialects/responses/answer_reader.hpp"
#include "dialects/responses/answer_writer.hpp"
#include "dialects/responses/error.hpp"
#include "dialects/responses/request_reader.hpp"
#include "dialects/responses/request_writer.hpp"
#include "dialects/seals.hpp"
#include "dialects/text_documents.hpp"
#include "wire/utf8.hpp"

#include <algorithm>
#include <utility>

namespace understudy::dialects {

using wire::AnswerShape;
using wire::Dialect;

namespace {

Dialect dialect_of(AnswerShape shape) {
    if (shape == AnswerShape::messages) return Dialect::messages;
    if (shape == AnswerShape::gemini || shape == AnswerShape::gemini_list) return Dialect::gemini;
    return shape == AnswerShape::responses ? Dialect::responses : Dialect::chat;
}

std::optional<Problem> read(Dialect dialect, Value body, Talk& talk) {
    switch (dialect) {
        case Dialect::messages:
            return messages::read_request(body, talk);
        case Dialect::responses:
            return responses::read_body(body, talk);
        case Dialect::gemini:
            return gemini::read_request(body, talk);
        default:
            return chat::read_request(body, talk);
    }
}

std::optional<Problem> write(Talk& talk, const Target& target, ToolNames& names,
                             Outgoing& outgoing) {
    switch (target.dialect) {
        case Dialect::messages:
            outgoing.shape = AnswerShape::messages;
            outgoing.path = "/messages";
            return messages::write_request(talk, target.model, target.max_output, names,
                                           outgoing.body);
        case Dialect::gemini: {
            outgoing.shape = AnswerShape::gemini;
            outgoing.action = talk.stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
            gemini::Manner manner;
            manner.model = target.model;
            manner.max_output = target.max_output;
            return gemini::write_request(talk, manner, names, outgoing.body);
        }
        case Dialect::converse: {
            outgoing.shape = AnswerShape::converse;
            outgoing.action = talk.stream ? "/converse-stream" : "/converse";
            converse::Manner manner;
            manner.model = target.model;
            manner.max_output = target.max_output;
            return converse::write_request(talk, manner, names, outgoing.body);
        }
        case Dialect::responses: {
            outgoing.shape = AnswerShape::responses;
            outgoing.path = "/responses";
            responses::Manner manner;
            manner.model = target.model;
            manner.max_output = target.max_output;
            return responses::write_request(talk, manner, names, outgoing.body);
        }
        default: {
            outgoing.shape = AnswerShape::chat;
            outgoing.path = "/chat/completions";
            chat::Manner manner;
            manner.model = target.model;
            manner.max_output = target.max_output;
            manner.completion_tokens = target.completion_tokens;
            manner.ask_usage = target.ask_usage;
            manner.thinking = target.thinking;
            manner.nine_letter_ids = target.nine_letter_ids;
            return chat::write_request(talk, manner, names, outgoing.body);
        }
    }
}

std::unique_ptr<AnswerReader> make_reader(const Target& target, const Ask& ask) {
    switch (target.dialect) {
        case Dialect::responses:
            return responses::make_reader();
        case Dialect::messages:
            return messages::make_reader();
        case Dialect::gemini:
            return gemini::make_reader(ask.seed);
        case Dialect::converse:
            return converse::make_reader(minted_id("", ask.seed, 0), target.model);
        default:
            return chat::make_reader();
    }
}

std::unique_ptr<AnswerWriter> make_writer(Dialect dialect, const Told& told,
                                          const ClientTools& tools, Value request) {
    switch (dialect) {
        case Dialect::messages:
            return messages::make_writer(told, tools);
        case Dialect::responses:
            return responses::make_writer(told, tools, request);
        case Dialect::gemini:
            return gemini::make_writer(told, tools);
        default:
            return chat::make_writer(told, tools);
    }
}

/// Where nothing was said but by the system, that is what is to be answered: its words stand in the
/// conversation then, for most APIs want one.
void let_system_speak(Talk& talk) {
    if (!talk.turns.empty() || talk.system.empty()) return;
    auto& turn = talk.turns.emplace_back();
    turn.role = Role::system;
    turn.blocks = std::exchange(talk.system, {});
}

/// The seals of calls mean something to Google's models alone.
void name_lost_seals(Talk& talk, Dialect to) {
    if (to == Dialect::gemini) return;
    for (const auto& turn : talk.turns) {
        for (const auto& block : turn.blocks) {
            const bool sealed = block.kind == Block::Kind::call && !block.seal.empty();
            if (sealed) talk.drop("thoughtSignature");
        }
    }
}

/// As it is asked where it has refused something: for no more than it can write, by the name that
/// it knows.
Target fitted(Target target) {
    const auto& repairs = target.repairs;
    const bool less = target.max_output == 0 || repairs.max_output < target.max_output;
    if (repairs.max_output != 0 && less) target.max_output = repairs.max_output;
    if (repairs.other_limit_name) target.completion_tokens = !target.completion_tokens;
    return target;
}

/// The client gets a shorter answer than it asked for, then.
void name_lowered_limit(Talk& talk, const Target& target) {
    const auto most = target.repairs.max_output;
    const bool lowered = most != 0 && (target.max_output == 0 || most < target.max_output);
    if (lowered && talk.max_tokens.count() > most) talk.drop("max_tokens");
}

/// Bytes of text in a request: pictures and documents in it have others than their base64 says.
std::uint64_t text_bytes(const Ask& ask, const Talk& talk) {
    std::uint64_t media = 0;
    const auto add = [&](const Block& block) {
        if (block.kind != Block::Kind::media) return;
        if (block.media.source == Media::Source::base64) media += block.media.data.size();
    };
    for (const auto& turn : talk.turns) {
        for (const auto& block : turn.blocks) {
            add(block);
            for (const auto& inner : block.inner) add(inner);
        }
    }
    return ask.body.size() - std::min<std::uint64_t>(media, ask.body.size());
}

/// A list of chunks is written when it is whole: its only element is the answer.
bool asks_stream(const Ask& ask) {
    return ask.stream && ask.shape != AnswerShape::gemini_list;
}

Told told_of(const Ask& ask, const Talk& talk) {
    Told told;
    told.stream = asks_stream(ask);
    told.include_usage = ask.include_usage;
    // In chat thoughts are a member that is passed over by whoever does not know it.
    told.wants_thinking = dialect_of(ask.shape) == Dialect::chat || talk.effort.show;
    told.created = ask.created;
    told.seed = ask.seed;
    told.asked_model = ask.model;
    told.rough_prompt = text_bytes(ask, talk) / kBytesPerToken;
    return told;
}

}  // namespace

bool can_translate(AnswerShape shape, Dialect to) {
    const bool from = shape == AnswerShape::chat || shape == AnswerShape::messages ||
                      shape == AnswerShape::responses || shape == AnswerShape::gemini ||
                      shape == AnswerShape::gemini_list;
    return from && dialect_of(shape) != to;
}

std::optional<Problem> translate(const Ask& ask, const Target& target, Outgoing& outgoing,
                                 std::unique_ptr<Translation>& translation) {
    const auto client = dialect_of(ask.shape);
    if (!wire::is_utf8(ask.body)) return bad("its text is no UTF-8");
    const auto body = Value::standing(ask.body);
    Talk talk;
    if (auto problem = read(client, body, talk)) return problem;
    // Google's path says so; others may say it with a word.
    if (client == Dialect::gemini || ask.stream) talk.stream = asks_stream(ask);
    if (talk.answers > 1)
        return unsupported("several answers at once are asked for in one dialect only");
    unmark_seals(talk, client);
    auto tools = std::make_unique<ClientTools>();
    for (const auto& tool : talk.tools) {
        if (tool.custom) tools->custom.insert(tool.name);
        if (tool.space.empty()) continue;
        auto& known = tools->in_space[tool.name];
        known.name = tool.name;
        known.space = tool.space;
    }
    let_system_speak(talk);
    mend_base64(talk);
    spell_out_documents(talk, target.dialect);
    name_lost_seals(talk, target.dialect);
    if (!target.repairs.empty()) {
        if (auto problem = repair(talk, target.repairs, target.model)) return problem;
        name_lowered_limit(talk, target);
    }
    constexpr std::size_t kEnvelope = 512;
    outgoing.body.reserve(ask.body.size() + ask.body.size() / 8 + kEnvelope);
    if (auto problem = write(talk, fitted(target), tools->names, outgoing)) return problem;
    outgoing.dropped = std::move(talk.dropped);
    auto writer = make_writer(client, told_of(ask, talk), *tools, body);
    translation = std::make_unique<Translation>(make_reader(target, ask), std::move(writer),
                                                std::move(tools), ask);
    return std::nullopt;
}

bool Translation::event(const wire::SseEvent& event, std::string& out, bool known) {
    auto data = event.data;
    writer_->write_to(out);
    if (!wire::is_utf8(data)) [[unlikely]] {
        repaired_ = wire::repaired_utf8(data);
        data = repaired_;
    }
    // What does not even begin like an object (a ping in plain words) says nothing in any API.
    const bool object = data.starts_with('{');
    wire::JsonKind kind{};
    if (object && !known && wire::check_json(data, kind)) return false;
    const auto value = object ? Value::standing(data) : Value::of(data);
    PieceWatch watch(*writer_, *reader_, spoke_);
    reader_->event(value, data, event.name, watch);
    note(watch);
    const auto piece = reader_->take_steady();
    if (repeated_.worth_it() && watch.only(piece)) {
        repeated_.remember(event, value, piece);
        place_ = watch.place();
    }
    return lost() == nullptr;
}

std::size_t Translation::repeat(std::string_view text, std::string& out) {
    RepeatedEvent::Found found;
    if (!repeated_.match(text, found) || !wire::is_utf8(found.piece)) return 0;
    writer_->write_to(out);
    reader_->again(found.piece, found.counts);
    PieceWatch::tell(place_, found.piece, *writer_);
    return found.size;
}

void Translation::end(std::string& out) {
    writer_->write_to(out);
    PieceWatch watch(*writer_, *reader_, spoke_);
    reader_->end(watch);
    if (!in_vain_) note(watch);
}

std::string Translation::whole(std::string_view body) {
    std::string out;
    writer_->write_to(out);
    if (!wire::is_utf8(body)) {
        repaired_ = wire::repaired_utf8(body);
        body = repaired_;
    }
    constexpr std::size_t kEnvelope = 1024;
    out.reserve(body.size() + kEnvelope);
    if (shape_ == AnswerShape::gemini_list) out += '[';
    PieceWatch watch(*writer_, *reader_, false);
    reader_->whole(body, watch);
    note(watch);
    if (shape_ == AnswerShape::gemini_list) out += ']';
    return out;
}

std::string Translation::error(std::string_view body, const wire::ErrorCause& cause) const {
    auto error = wire::parse_error_body(body);
    if (error.message.empty()) {
        const bool unread = error.type.empty() && error.code.empty();
        if (unread && cause.kind == wire::ErrorKind::server) error.type = "upstream_error";
        error.message = "The upstream refused the request with status " +
                        std::to_string(cause.status) + " and said nothing that can be read.";
    }
    switch (dialect_of(shape_)) {
        case Dialect::messages:
            return messages::write_error(error, cause, id_);
        case Dialect::responses:
            return responses::write_error(error, cause);
        case Dialect::gemini:
            return shape_ == AnswerShape::gemini_list
                       ? '[' + gemini::write_error(error, cause) + ']'
                       : gemini::write_error(error, cause);
        default:
            return chat::write_error(error, cause);
    }
}

}  // namespace understudy::dialects
