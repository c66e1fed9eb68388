// Memory that every attempt needs for a moment, kept by its worker for the next one.
#pragma once

#include "wire/head.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace understudy::upstreams {

/// What an attempt works with until it has read the head of its answer.
struct Scratch {
    std::string request_head;
    wire::HeadReader reader;
    wire::ResponseHead answer;
};

/// Spare Scratches of one worker, on its thread. Outlives what is lent from it.
class ScratchPool {
  public:
    /// One Scratch for as long as this lives, or until give_back().
    class Lease {
      public:
        explicit Lease(ScratchPool& pool) : pool_(pool), scratch_(pool.take()) {}
        ~Lease() { give_back(); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Scratch* operator->() const { return scratch_.get(); }
        void give_back() {
            if (scratch_) pool_.give(std::move(scratch_));
        }

      private:
        ScratchPool& pool_;
        std::unique_ptr<Scratch> scratch_;
    };

  private:
    // More than this many attempts between sending and hearing are rare; theirs is freed.
    static constexpr std::size_t kKeep = 64;
    static constexpr std::size_t kLargest = 4096;  // of a head; larger ones are not sat upon

    std::unique_ptr<Scratch> take() {
        if (spare_.empty()) return std::make_unique<Scratch>();
        auto scratch = std::move(spare_.back());
        spare_.pop_back();
        return scratch;
    }
    void give(std::unique_ptr<Scratch> scratch) {
        const bool usual = scratch->request_head.capacity() <= kLargest;
        if (usual && spare_.size() < kKeep) spare_.push_back(std::move(scratch));
    }

    std::vector<std::unique_ptr<Scratch>> spare_;
};

}  // namespace understudy::upstreams
