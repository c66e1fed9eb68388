#include "wire/sha256.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <thread>

using understudy::wire::sha256;

namespace {
std::string hex(std::string_view text) {
    std::string out;
    for (const unsigned byte : sha256(text)) {
        out += "0123456789abcdef"[byte >> 4U];
        out += "0123456789abcdef"[byte & 15U];
    }
    return out;
}
}  // namespace

TEST_CASE("Digests are those of FIPS 180, one after the other and on any thread") {
    const auto check = [] {
        bool fine = true;
        for (int i = 0; i < 3; ++i) {
            fine =
                fine &&
                hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" &&
                hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" &&
                hex(std::string(1'000'000, 'a')) ==
                    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        }
        return fine;
    };
    CHECK(check());
    std::array<bool, 4> fine{};
    std::array<std::thread, 4> threads;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads[i] = std::thread([&fine, &check, i] { fine[i] = check(); });
    }
    for (auto& thread : threads) thread.join();
    for (const bool one : fine) CHECK(one);
}
