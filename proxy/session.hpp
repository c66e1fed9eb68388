// One client connection: reads requests in order, has each of them answered, writes. One coroutine,
// one Signal; it sleeps on its client, its upstream and its deadline alike.
#pragma once

#include "net/stream.hpp"
#include "net/task.hpp"
#include "net/timers.hpp"
#include "proxy/client_port.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/worker.hpp"
#include "upstreams/decoder.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace understudy::proxy {

class Session final : public net::StreamListener, public IdleHook, public ClientPort {
  public:
    /// Starts a session that owns itself. `reserve`: there was no place for it any more, so it only
    /// gets to ask for health and metrics, once.
    static void start(Worker& worker, net::Socket socket, Role role,
                      const boost::asio::ip::address& client, bool reserve = false);

    Worker& worker() { return worker_; }
    net::Signal& signal() { return signal_; }
    /// Set when the client has left (a half-closed client counts as gone, as nginx has it).
    const bool& client_gone() const { return client_gone_; }
    /// It is gone because this process ends.
    const bool& cut_off() const { return cut_off_; }
    /// The same, looked up where no read watches for it: the buffer is full of further requests.
    bool client_has_left() {
        if (!client_->read_armed() && client_->ended()) client_gone_ = true;
        return client_gone_;
    }
    Role role() const { return role_; }

    /// Sends `list` if the socket takes all of it now. False: send_rest() has to go on.
    bool send_at_once(net::GatherList& list);
    /// Sends what send_at_once() has left. False: the client is gone or takes nothing any more; the
    /// session then ends after the request.
    net::Task<bool> send_rest(net::GatherList& list);
    /// Both.
    net::Task<bool> send(net::GatherList& list);
    /// Answers with one complete body. `fields`: further header lines, each with CRLF.
    net::Task<void> answer(unsigned status, std::string_view content_type, std::string_view fields,
                           std::string_view body);
    net::Task<void> answer(const LocalError& error, std::string_view fields = {});

    /// Where the head of an answer is put together: empty, and kept from request to request.
    std::string& head_buffer() {
        head_out_.clear();
        return head_out_;
    }
    /// The answer goes to a client that understands the chunked coding.
    bool chunked_allowed() const override { return request_.head.minor_version >= 1; }
    /// Whether the connection stays open after this answer; decides the Connection field too.
    bool keep_alive() const { return keep_alive_; }
    /// The Connection field of an answer, as a header line; empty where the version's default fits.
    std::string_view connection_field() override {
        if (worker_.shared().ending()) keep_alive_ = false;
        if (!keep_alive_) return "connection: close\r\n";
        return request_.head.minor_version == 0 ? "connection: keep-alive\r\n" : "";
    }
    /// What has been sent is not a whole answer: the connection ends without the end of the
    /// message.
    void cut(bool reset) override;
    void close_after_answer() override { keep_alive_ = false; }

    // From the worker:
    // -----------------------------------------------------------------------------
    void close_if_idle();
    /// Another configuration has come: who waits for a request holds on to that one.
    void use_runtime() {
        if (idle_) runtime_ = worker_.runtime();
    }
    /// It has no place within the limit.
    bool in_reserve() const { return out_of_places_; }
    /// Nothing of a request has come, as far as the kernel knows too.
    bool truly_idle();
    void abort();

  private:
    Session(Worker& worker, net::Socket socket, Role role);
    ~Session();

    /// For who came without a place, or without memory for a head.
    static constexpr std::chrono::milliseconds kReserveTime{1000};

    void on_stream(net::Stream& stream) override;
    static net::Task<void> live(std::unique_ptr<Session, void (*)(Session*)> self);
    net::Task<void> run();
    net::Task<bool> more(std::chrono::milliseconds limit);
    net::Task<void> serve_one();
    void begin_request();
    std::unique_ptr<LocalError> turn_away();
    net::Task<void> answer_preflight();
    net::Task<void> breathe();
    void finish_request();
    net::Task<void> linger();

    // read_head.cpp
    net::Task<bool> read_head();
    net::Task<bool> refuse_head();
    net::Task<bool> refuse_room();
    net::Task<bool> refuse_slow_head();
    std::optional<LocalError> check_head();
    std::optional<LocalError> check_room();
    bool may_preflight() const;

    // read_body.cpp and decode_body.cpp
    bool body_is_here();
    net::Task<bool> read_body();
    net::Task<bool> read_sized_body(std::uint64_t size);
    net::Task<bool> read_chunked_body();
    void look_at_body(std::size_t size);
    net::Task<bool> decode_body();
    net::Task<bool> let_others_run();
    void keep_decoded(net::Bytes& decoded);
    void steady_views();

    // send_answer.cpp
    net::Task<bool> decline(LocalError error);
    net::Task<bool> refuse(LocalError error);
    net::Task<bool> refuse(unsigned status, std::string_view code, std::string message);

    Worker& worker_;
    Role role_;
    net::Stream::Ptr client_;
    net::Signal signal_;
    net::Timer timer_;
    std::shared_ptr<Runtime> runtime_;  // of the current request, or for the next one
    wire::HeadReader head_reader_;
    Inbound request_;
    std::optional<net::Bytes> decoded_;  // the body, where it came compressed
    std::size_t request_size_ = 0;       // bytes of the current request in the buffer
    std::string head_out_;
    bool idle_ = false;      // waiting for the first byte of a request
    bool handling_ = false;  // a request is being answered: a read error means the client left
    bool client_gone_ = false;
    bool cut_off_ = false;
    bool keep_alive_ = true;
    bool linger_ = false;  // input may be unread: close gently
    bool reset_ = false;
    bool answered_ = false;
    bool out_of_places_ = false;  // has one of the reserve
    bool out_of_memory_ = false;  // its head is in the memory's reserve
};

}  // namespace understudy::proxy
