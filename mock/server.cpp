#include "mock/server.hpp"

#include "mock/connection.hpp"
#include "mock/text.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <csignal>
#include <thread>
#include <vector>

namespace understudy::mock {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

constexpr int kBacklog = 4096;
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // when descriptors have run out

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Context tls_context(const Options& options) {
    if (options.tls_cert.empty() && options.tls_key.empty()) return nullptr;
    Context context(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(context.get(), options.tls_cert.c_str()) != 1)
        throw std::invalid_argument("cannot read a certificate from '" + options.tls_cert + "'");
    if (SSL_CTX_use_PrivateKey_file(context.get(), options.tls_key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::invalid_argument("cannot read a private key from '" + options.tls_key + "'");
    if (SSL_CTX_check_private_key(context.get()) != 1)
        throw std::invalid_argument("the private key does not belong to the certificate");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    constexpr std::string_view kSessions = "understudy-mock";
    SSL_CTX_set_session_id_context(
        context.get(), reinterpret_cast<const unsigned char*>(kSessions.data()), kSessions.size());
    return context;
}

/// `shared`: one listener per thread, the kernel spreads the connections. Not for a single thread,
/// where it would let two programs share a port unnoticed.
Acceptor open_acceptor(asio::io_context& io, const asio::ip::tcp::endpoint& where, bool shared) {
    Acceptor acceptor(io);
    acceptor.open(where.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    const int on = shared ? 1 : 0;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    acceptor.bind(where);
    acceptor.listen(kBacklog);
    return acceptor;
}

Awaitable<void> accept_all(WorkerRoom& room, Acceptor& acceptor) {
    constexpr auto token = asio::as_tuple(asio::deferred);
    Timer pause(acceptor.get_executor());
    while (acceptor.is_open()) {
        auto [ec, socket] = co_await acceptor.async_accept(token);
        if (!ec) {
            asio::co_spawn(acceptor.get_executor(), serve_connection(room, std::move(socket)),
                           asio::detached);
            continue;
        }
        if (ec == asio::error::operation_aborted) break;
        pause.expires_after(kAcceptPause);
        [[maybe_unused]] const auto result = co_await pause.async_wait(token);
    }
}

/// One thread. The context goes first, with all connections in it; they still use the room.
struct Worker {
    Worker(State& state, SSL_CTX* tls) : room{state, tls, {}, {}} {}

    WorkerRoom room;
    asio::io_context io{1};
    std::unique_ptr<Acceptor> acceptor;
    std::thread thread;
};

}  // namespace

struct Server::Impl {
    explicit Impl(const Options& o)
        : options(o), context(tls_context(o)), state(o.log, o.name, o.aws_key) {
        if (!o.script.empty()) state.set_script(o.script);
    }

    Options options;
    Context context;
    State state;
    std::vector<std::unique_ptr<Worker>> workers;
    std::uint16_t port = 0;
};

Server::Server(const Options& options) : impl_(std::make_unique<Impl>(options)) {}

Server::~Server() {
    stop();
}

void Server::start() {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets without MSG_NOSIGNAL
    const Options& options = impl_->options;
    impl_->port = options.port;
    try {
        const auto address = asio::ip::make_address(options.address);
        for (unsigned i = 0; i < options.threads; ++i) {
            auto worker = std::make_unique<Worker>(impl_->state, impl_->context.get());
            const asio::ip::tcp::endpoint where(address, impl_->port);
            worker->acceptor =
                std::make_unique<Acceptor>(open_acceptor(worker->io, where, options.threads > 1));
            impl_->port = worker->acceptor->local_endpoint().port();
            impl_->workers.push_back(std::move(worker));
        }
    } catch (const boost::system::system_error& error) {
        impl_->workers.clear();
        throw BindError(join({"cannot listen on ", options.address, ":",
                              std::to_string(options.port), ": ", error.code().message()}));
    }
    for (auto& worker : impl_->workers) {
        asio::co_spawn(worker->io, accept_all(worker->room, *worker->acceptor), asio::detached);
        worker->thread = std::thread([io = &worker->io] { io->run(); });
    }
}

void Server::stop() {
    for (auto& worker : impl_->workers) worker->io.stop();
    for (auto& worker : impl_->workers) {
        if (worker->thread.joinable()) worker->thread.join();
    }
    impl_->workers.clear();
}

std::uint16_t Server::port() const {
    return impl_->port;
}

std::string Server::url() const {
    const bool six = impl_->options.address.find(':') != std::string::npos;
    return join({impl_->context ? "https://" : "http://", six ? "[" : "", impl_->options.address,
                 six ? "]:" : ":", std::to_string(impl_->port)});
}

std::string Server::log_json() const {
    return impl_->state.log().json({});
}

}  // namespace understudy::mock
