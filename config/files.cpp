#include "config/files.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace understudy::config {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

FileText failure(const std::string& why) {
    return {std::nullopt, "cannot be read: " + why};
}

}  // namespace

FileText read_file(const std::string& path, std::size_t max_bytes) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) return failure(std::strerror(errno));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return failure(std::strerror(errno));
    if (S_ISDIR(info.st_mode)) return failure("it is a directory");
    if (!S_ISREG(info.st_mode)) return failure("it is not a regular file");

    std::string text;
    char buffer[16384];
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failure(std::strerror(errno));
        if (got == 0) return {std::move(text), {}};
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > max_bytes) {
            return failure("it is larger than " + std::to_string(max_bytes) + " bytes");
        }
    }
}

std::string resolve_path(const std::string& path, const std::string& directory,
                         const Environment& env) {
    if (path == "~" || path.starts_with("~/")) {
        const auto home = env("HOME");
        if (home && !home->empty()) return *home + path.substr(1);
    }
    if (path.starts_with('/') || directory.empty()) return path;
    return directory + "/" + path;
}

std::string usual_ledger_path(const Environment& env) {
    constexpr std::string_view kFile = "/understudy/ledger.db";
    const auto service = env("STATE_DIRECTORY");  // of systemd; there may be several, with colons
    if (service && service->starts_with('/')) {
        return service->substr(0, service->find(':')) + "/ledger.db";
    }
    const auto state = env("XDG_STATE_HOME");
    // The specification of these variables says that relative paths are to be ignored.
    if (state && state->starts_with('/')) return *state + std::string(kFile);
    const auto home = env("HOME");
    if (!home || home->empty()) return {};
    return *home + "/.local/state" + std::string(kFile);
}

std::string directory_of(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    if (slash == std::string::npos) return {};
    return slash == 0 ? "/" : file.substr(0, slash);
}

bool is_directory(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::optional<std::string> certificate_problem(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    int count = 0;
    for (;;) {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
        if (!certificate) break;
        ++count;
    }
    // "No start line" is how the end of the file looks; anything else is a broken certificate.
    const unsigned long error = ERR_peek_last_error();
    const bool end = error == 0 || ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!end) return "has a certificate that cannot be decoded";
    if (count == 0) return "holds no PEM certificate (-----BEGIN CERTIFICATE-----)";
    return std::nullopt;
}

}  // namespace understudy::config
