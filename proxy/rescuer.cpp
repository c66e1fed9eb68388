#include "proxy/rescuer.hpp"

#include "dialects/unsealed.hpp"
#include "proxy/bill.hpp"
#include "wire/answer_traits.hpp"

#include <utility>

namespace understudy::proxy {

namespace {

constexpr const char* kNoMemory = "no memory to follow it";

Rung rung_of(std::optional<rescue::Rung> rung) {
    if (!rung) return Rung::none;
    switch (*rung) {
        case rescue::Rung::prefill:
            return Rung::prefill;
        case rescue::Rung::instruct:
            return Rung::instruct;
        case rescue::Rung::restart:
            break;
    }
    return Rung::restart;
}

rescue::Rung rung_of(Rung rung) {
    if (rung == Rung::prefill) return rescue::Rung::prefill;
    return rung == Rung::instruct ? rescue::Rung::instruct : rescue::Rung::restart;
}

}  // namespace

Rescuer::Rescuer(std::unique_ptr<rescue::Dialect> dialect, const Inbound& request,
                 const Runtime& runtime, net::MemoryBudget& budget)
    : dialect_(std::move(dialect)), request_(request), runtime_(runtime), charge_(budget) {}

std::size_t Rescuer::bytes() const {
    return told().bytes() + (asked_ ? asked_->body.size() : 0) +
           (continuation_ ? continuation_->bytes() : 0) + events_.capacity() + out_.capacity();
}

void Rescuer::sent(std::string_view text) {
    told().sent(text);
    charge();
}

void Rescuer::sent(const net::GatherList& data) {
    for (std::size_t i = 0; i < data.count(); ++i) {
        const auto& item = data.items()[i];
        told().sent({static_cast<const char*>(item.iov_base), item.iov_len});
    }
    charge();
}

void Rescuer::charge() {
    if (charge_.set(bytes())) return;
    told().give_up(kNoMemory);
    static_cast<void>(charge_.set(bytes()));  // less than before
}

std::string_view Rescuer::failed(std::string_view error) {
    out_ = told().failed(error);
    if (charge_.set(bytes() + out_.size())) return out_;
    std::string().swap(out_);
    static_cast<void>(charge_.set(bytes()));  // less than there was
    return {};
}

bool Rescuer::possible() {
    continuation_.reset();
    if (told().obstacle() != nullptr || told().finished()) return false;
    allowed_ = rescue::allowed_rungs(told(), wishes());
    return allowed_.any();
}

Rung Rescuer::rung_at(const RuntimeEntry& entry, std::string_view model, Rung tried) const {
    const bool known = runtime_.prefill_refusals().contains(*entry.upstream, model);
    const auto client = wire::traits_of(request_.endpoint.shape).dialect;
    auto can = rescue::capabilities_of(*entry.upstream, known, client, model);
    if (tried != Rung::none) can.tried = rung_of(tried);
    return rung_of(rescue::choose_rung(allowed_, can, wishes()));
}

const OwnedRequest* Rescuer::ask(const RuntimeEntry& entry, Rung rung, bool unsealed,
                                 std::string_view body) {
    asked_ = std::make_unique<OwnedRequest>();
    const auto client = wire::traits_of(request_.endpoint.shape).dialect;
    const auto kind = rescue::prefill_kind(*entry.upstream, client);
    asked_->body = dialect_->ask(body, rung_of(rung), kind);
    if (unsealed) {
        auto without = dialects::without_seals(client, asked_->body);
        if (!without.empty()) asked_->body = std::move(without);
    }
    if (rung == Rung::prefill && client == wire::Dialect::chat)
        asked_->base_path = rescue::prefill_path(*entry.upstream);
    const bool room = charge_.set(bytes());
    if (!room || wire::scan_request(asked_->body, asked_->facts)) return nullptr;
    return asked_.get();
}

void Rescuer::begin(Rung rung, std::string_view upstream, std::string_view model,
                    std::string_view why) {
    rescue::ContinuationOptions options;
    options.rung = rung_of(rung);
    options.usage_asked = request_.facts.include_usage;
    if (!told().usage()) options.asked_tokens = estimated_prompt(request_.body, &request_.facts);
    options.upstream = upstream;
    options.model = model;
    options.failure = why;
    continuation_ = dialect_->go_on(options);
    scanner_.reset();
    events_.clear();
    starved_ = false;
}

std::string_view Rescuer::take(const net::GatherList& data, bool ended) {
    for (std::size_t i = 0; i < data.count(); ++i) {
        const auto& item = data.items()[i];
        events_.append(static_cast<const char*>(item.iov_base), item.iov_len);
    }
    out_.clear();
    if (!charge_.set(bytes())) return starve();
    wire::SseEvent event;
    std::string_view rest = events_;
    const auto next = [&] {
        return scanner_.next(rest, event) || (ended && scanner_.finish(rest, event));
    };
    while (!continuation_->failed() && next()) {
        if (event.has_data) continuation_->feed(event.data, out_);
        rest.remove_prefix(event.raw.size());
    }
    events_.erase(0, events_.size() - rest.size());
    // The transcript takes in as much as is sent.
    if (!charge_.set(bytes() + out_.size())) return starve();
    sent(out_);
    return out_;
}

std::string_view Rescuer::starve() {
    starved_ = true;
    for (std::string* text : {&events_, &out_}) std::string().swap(*text);
    return {};
}

bool Rescuer::diverged() const {
    return continuation_ && continuation_->state() == rescue::Continuation::State::diverged;
}

bool Rescuer::lost() const {
    return continuation_ && continuation_->state() == rescue::Continuation::State::lost;
}

bool Rescuer::finished() const {
    return continuation_ && continuation_->state() == rescue::Continuation::State::finished;
}

}  // namespace understudy::proxy
