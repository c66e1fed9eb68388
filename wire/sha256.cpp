// OpenSSL 3 would have its functions of one algorithm given up for those that are told which.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "wire/sha256.hpp"

#include <openssl/sha.h>

namespace understudy::wire {

static_assert(sizeof(Sha256Digest) == SHA256_DIGEST_LENGTH);

// Those look for the algorithm by its name and make a context, each time (SHA256()), or ask at each
// step what it is (EVP): up to ten times what the digest of a key takes. What is told the digest
// forgets the text.
Sha256Digest sha256(std::string_view text) {
    Sha256Digest digest;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, text.data(), text.size());
    SHA256_Final(digest.data(), &context);
    return digest;
}

}  // namespace understudy::wire
