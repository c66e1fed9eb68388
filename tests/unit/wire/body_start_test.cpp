#include "wire/body_start.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace understudy::wire;

TEST_CASE("What a body is shows in its first bytes, and no longer prefix says otherwise") {
    const std::vector<std::pair<std::string, BodyStart>> rows = {
        {"data: {\"choices\":[]}\n\n", BodyStart::events},
        {"data:{}\n\n", BodyStart::events},
        {"event: ping\ndata: {}\n\n", BodyStart::events},
        {"id: 1\n", BodyStart::events},
        {"retry: 10\n", BodyStart::events},
        {"error: {}\n", BodyStart::events},
        {": comment\n\n", BodyStart::events},
        {"\xEF\xBB\xBF"
         "data: x",
         BodyStart::events},
        {"\n\r\n data: x", BodyStart::events},
        {"{\"error\":1}", BodyStart::json},
        {" \n\t{", BodyStart::json},
        {"<!doctype html>", BodyStart::page},
        {"[1]", BodyStart::list},
        {"data", BodyStart::need_more},
        {"dato: x", BodyStart::other},
        {"no healthy upstream", BodyStart::other},
        {"ID3\x04", BodyStart::other},
        {"", BodyStart::need_more},
        {"\n\n\n", BodyStart::need_more},
        {"\xEF\xBB", BodyStart::need_more},
    };
    for (const auto& [text, expected] : rows) {
        CAPTURE(text);
        CHECK(body_start(text) == expected);
        for (std::size_t cut = 0; cut < text.size(); ++cut) {
            const auto early = body_start(std::string_view(text).substr(0, cut));
            CHECK((early == BodyStart::need_more || early == expected));
        }
    }
}
