// How an answer is told to the writer of /responses in tests, and what comes of it.
#pragma once

#include "dialects/responses/answer_writer.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace responses_test {

using namespace understudy;
using namespace understudy::dialects;
using nlohmann::json;

inline ClientTools client_tools() {
    ClientTools tools;
    tools.custom.insert("apply_patch");
    for (const auto* name : {"g", "ns__f"}) {
        Tool tool;
        tool.name = name;
        tool.space = "ns";
        tools.in_space[name] = tool;
    }
    tools.names.remember("long_12345678", "long name");
    return tools;
}

using Tell = std::function<void(AnswerSink&)>;

inline std::string written(const Tell& tell, Told told, const std::string& request = {}) {
    const auto tools = client_tools();
    told.created = 1'790'000'000;
    told.asked_model = "asked";
    const auto writer =
        responses::make_writer(told, tools, request.empty() ? Value() : Value::of(request));
    std::string out;
    writer->write_to(out);
    tell(*writer);
    return out;
}

inline std::vector<json> events_of(const std::string& text) {
    std::vector<json> out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string_view rest = text;
    while (scanner.next(rest, event)) {
        out.push_back(json::parse(event.data));
        CHECK(out.back()["type"] == std::string(event.name));
        rest.remove_prefix(event.raw.size());
    }
    REQUIRE(rest.empty());
    return out;
}

/// What every client of a stream demands, whatever is in it: the numbers, one id, items that are
/// added once and filled while they stand open, and one end.
inline void check_lifecycle(const std::vector<json>& events) {
    REQUIRE(events.size() >= 3);
    CHECK(events[0]["type"] == "response.created");
    CHECK(events[1]["type"] == "response.in_progress");
    std::size_t added = 0;
    std::map<std::size_t, json> open;
    std::map<std::size_t, json> done;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto& event = events[i];
        const std::string type = event["type"];
        CHECK(event["sequence_number"] == i);
        if (event.contains("response")) {
            CHECK(event["response"]["id"] == events[0]["response"]["id"]);
        } else if (type == "response.output_item.added") {
            CHECK(open.empty());  // one after the other
            CHECK(event["output_index"] == added);
            open[added++] = event["item"];
        } else if (type == "response.output_item.done") {
            const std::size_t index = event["output_index"];
            REQUIRE(open.contains(index));
            for (const auto* member : {"id", "type"}) {
                CHECK(open[index][member] == event["item"][member]);
            }
            CHECK(open[index].value("call_id", "") == event["item"].value("call_id", ""));
            done[index] = event["item"];
            open.erase(index);
        } else if (type != "error") {
            const std::size_t index = event["output_index"];
            REQUIRE(open.contains(index));
            CHECK(open[index]["id"] == event["item_id"]);
        }
    }
    const auto& last = events.back();
    const std::string end = last["type"];
    CHECK(
        (end == "response.completed" || end == "response.incomplete" || end == "response.failed"));
    CHECK(last["response"]["status"] == end.substr(9));
    const auto& output = last["response"]["output"];
    REQUIRE(output.size() == added);  // pitfall: completed with `output: []`
    for (const auto& [index, item] : done) CHECK(output[index] == item);
    if (end == "response.completed") CHECK(open.empty());
}

inline std::vector<json> streamed(const Tell& tell, const std::string& request = {}) {
    Told told;
    told.stream = true;
    auto events = events_of(written(tell, told, request));
    check_lifecycle(events);
    return events;
}

inline json whole(const Tell& tell, const std::string& request = {}) {
    return json::parse(written(tell, {}, request));
}

inline std::vector<std::string> types_of(const std::vector<json>& events) {
    std::vector<std::string> types;
    for (const auto& event : events) {
        const std::string type = event["type"];
        types.push_back(type.starts_with("response.") ? type.substr(9) : type);
    }
    return types;
}

inline std::string joined_deltas(const std::vector<json>& events, const std::string& type) {
    std::string out;
    for (const auto& event : events) {
        if (event["type"] == type) out += event["delta"].get<std::string>();
    }
    return out;
}

inline json last_item(const std::vector<json>& events) {
    return events.back()["response"]["output"].back();
}

using Types = std::vector<std::string>;

}  // namespace responses_test
