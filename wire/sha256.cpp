#include "wire/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <memory>

namespace understudy::wire {
namespace {

static_assert(sizeof(Sha256Digest) == SHA256_DIGEST_LENGTH);

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

// SHA256() of OpenSSL 3 looks for the algorithm by its name and makes a context, each time: ten
// times what the digest of an id takes. A context forgets the text when it tells the digest.
Sha256Digest sha256(std::string_view text) {
    static EVP_MD* const kind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    Sha256Digest digest;
    const bool made = kind != nullptr && context != nullptr &&
                      EVP_DigestInit_ex(context.get(), kind, nullptr) == 1 &&
                      EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
    if (!made) {
        SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    }
    return digest;
}

}  // namespace understudy::wire
