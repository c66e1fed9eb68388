#include "proxy/rescue/dialect.hpp"

#include "proxy/rescue/chat/dialect.hpp"
#include "proxy/rescue/gemini/dialect.hpp"
#include "proxy/rescue/messages/dialect.hpp"
#include "proxy/rescue/responses/dialect.hpp"

namespace understudy::proxy::rescue {

std::unique_ptr<Dialect> dialect_of(wire::AnswerShape shape) {
    switch (shape) {
        case wire::AnswerShape::chat:
            return std::make_unique<ChatDialect>();
        case wire::AnswerShape::messages:
            return std::make_unique<MessagesDialect>();
        case wire::AnswerShape::responses:
            return std::make_unique<ResponsesDialect>();
        case wire::AnswerShape::gemini:
            return std::make_unique<GeminiDialect>();
        default:
            return nullptr;
    }
}

}  // namespace understudy::proxy::rescue
