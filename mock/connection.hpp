// One client of the simulated upstream: reads requests one after the other and answers each.
#pragma once

#include "mock/ask.hpp"
#include "mock/buffer.hpp"
#include "mock/http.hpp"
#include "mock/link.hpp"
#include "mock/state.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::mock {

/// Answers that are ready to send: the healthy plain chat answer of one model. Only the number of
/// the request is written into it. One per worker thread.
class CannedAnswers {
  public:
    /// Null when the model's name asks for more than the healthy answer.
    std::string_view find(std::string_view model, std::string_view fingerprint, std::uint64_t id);

  private:
    static constexpr std::size_t kMaxModels = 16;
    struct Canned {
        std::string model, bytes;
        std::vector<std::size_t> ids;  // where the digits of the id stand
    };
    std::vector<Canned> ready_;
    std::size_t oldest_ = 0;
};

/// What the connections of one thread share.
struct WorkerRoom {
    State& state;
    SSL_CTX* tls = nullptr;  // null: plain TCP
    BlockPool blocks;
    CannedAnswers canned;
};

/// Eight digits, also for the ids in answers.
std::string id_text(std::uint64_t id);

/// Serves one accepted socket to its end.
Awaitable<void> serve_connection(WorkerRoom& room, Socket socket);

}  // namespace understudy::mock
