#include "mock/answer.hpp"
#include "mock/connection.hpp"
#include "mock/faults.hpp"
#include "mock/player.hpp"

#include <algorithm>

namespace understudy::mock {
namespace {

constexpr std::size_t kIdDigits = 8;
constexpr std::uint64_t kIdModulus = 100'000'000;

void write_id(char* to, std::uint64_t id) {
    id %= kIdModulus;
    for (std::size_t i = kIdDigits; i-- > 0; id /= 10) to[i] = static_cast<char>('0' + id % 10);
}

}  // namespace

std::string id_text(std::uint64_t id) {
    std::string text(kIdDigits, '0');
    write_id(text.data(), id);
    return text;
}

std::string_view CannedAnswers::find(std::string_view model, std::string_view fingerprint,
                                     std::uint64_t id) {
    auto found = std::find_if(ready_.begin(), ready_.end(),
                              [&](const Canned& c) { return c.model == model; });
    if (found == ready_.end()) {
        const auto behaviour = behaviour_named(model);
        if (behaviour && !behaviour->healthy) return {};
        Ask ask;
        ask.id = "@@@@@@@@";  // found again below; no answer contains it otherwise
        ask.model = model;
        ask.fingerprint = fingerprint;
        const Plan plan;
        const Tale tale(ask, plan);
        Canned canned;
        canned.model = model;
        canned.bytes =
            whole_answer(ask, plan, answer_type(ask.endpoint), answer_document(ask, plan, tale));
        for (auto at = canned.bytes.find(ask.id); at != std::string::npos;
             at = canned.bytes.find(ask.id, at + kIdDigits))
            canned.ids.push_back(at);
        if (ready_.size() < kMaxModels) {
            found = ready_.insert(ready_.end(), std::move(canned));
        } else {
            found = ready_.begin() + static_cast<std::ptrdiff_t>(oldest_++ % kMaxModels);
            *found = std::move(canned);
        }
    }
    for (const auto at : found->ids) write_id(found->bytes.data() + at, id);
    return found->bytes;
}

}  // namespace understudy::mock
