// Which model an entry is asked for. One rule, for whoever sends, books, looks up what is usual, or
// asks whether the entry rests for it.
#pragma once

#include "proxy/runtime.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// The chain's or the upstream's own model; else what this service calls the one that the client
/// names, where that is known; else that name itself. Costs an allocation only in the second case.
class SentModel {
  public:
    /// Both outlive this.
    SentModel(const RuntimeEntry& entry, std::string_view asked);
    std::string_view name() const {
        if (entry_->model) return *entry_->model;
        return known_ ? std::string_view(*known_) : asked_;
    }
    /// What stands in the body in place of the client's; null: nothing does.
    const std::string* replacement() const {
        if (entry_->model) return &*entry_->model;
        return known_ ? &*known_ : nullptr;
    }

  private:
    const RuntimeEntry* entry_;
    std::string_view asked_;
    std::unique_ptr<const std::string> known_;
};

}  // namespace understudy::proxy
