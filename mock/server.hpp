// The simulated upstream as an object: `understudy mock` and `understudy demo` start one, tests may
// start many. Owns its threads; thread-safe from outside.
#pragma once

#include "mock/signature.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace understudy::mock {

struct Options {
    std::string address = "127.0.0.1";  // numeric
    std::uint16_t port = 0;             // 0: the kernel chooses
    unsigned threads = 1;
    bool log = true;                // keep what was received for /control/log
    std::string name = "fp_mock";   // system_fingerprint of the answers
    std::string tls_cert, tls_key;  // PEM files; both or none
    std::string script;             // text of a script; empty: none
    AwsKey aws_key;                 // what Bedrock's requests have to be signed with
};

/// The address cannot be listened on.
class BindError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Server {
  public:
    /// Throws std::invalid_argument for a bad script or certificate.
    explicit Server(const Options& options);
    ~Server();  // stop()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Listens and starts the threads. Throws BindError.
    void start();
    /// Cuts every connection and ends the threads. Idempotent.
    void stop();

    std::uint16_t port() const;  // the one really bound
    std::string url() const;     // "http://127.0.0.1:8081"
    /// What /control/log answers.
    std::string log_json() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace understudy::mock
