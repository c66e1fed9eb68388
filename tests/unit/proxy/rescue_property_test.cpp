// Whatever the API, whatever the text, wherever its stream is cut and however the rest is cut into
// events: prefill and restart give exactly the text, an instruction a text in which no word is
// doubled, lost or glued to another.
#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/dialect.hpp"
#include "tests/unit/proxy/rescue_author.hpp"
#include "tests/unit/proxy/rescue_streams.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;

namespace {

/// A stream that broke.
struct Broken {
    explicit Broken(const Api& spoken) : api(spoken), dialect(dialect_of(spoken.shape)) {}

    Transcript& transcript() { return dialect->transcript(); }
    const std::string& text() { return transcript().text(); }
    void sent(std::string_view bytes) {
        transcript().sent(bytes);
        stream += bytes;
    }

    const Api& api;
    std::unique_ptr<Dialect> dialect;
    std::string stream;  // what the client got: whole events
};

/// The text of a stream, exactly; halves join over events.
std::string exact_text(const Api& api, std::string_view stream) {
    const auto reader = dialect_of(api.shape);
    reader->transcript().sent(stream);
    return reader->transcript().text();
}

/// A stream of the text cut at a random byte of a random event.
void break_off(Author& author, const std::string& text, Broken& broken) {
    std::string bytes;
    std::vector<std::size_t> ends;
    const auto add = [&](const std::string& data) {
        bytes += event_of(data);
        ends.push_back(bytes.size());
    };
    for (const auto& data : broken.api.head("one")) add(data);
    // A stream of Responses is committed with its first event: its last one repeats that.
    const auto least = broken.api.shape == wire::AnswerShape::responses ? bytes.size() : 0;
    for (const auto& token : author.strings(text)) add(broken.api.text(token, "one"));
    const std::size_t cut = std::max(author.below(bytes.size()), least);
    const auto whole = std::upper_bound(ends.begin(), ends.end(), cut);
    const auto stream = bytes.substr(0, whole == ends.begin() ? 0 : *(whole - 1));
    for (std::string_view rest = stream; !rest.empty();) {
        const auto size = std::min(rest.size(), 1 + author.below(200));
        broken.sent(rest.substr(0, size));
        rest.remove_prefix(size);
    }
}

/// The first `count` events of the second server's text, or all of them and its end.
Continuation::State tell(Author& author, Broken& broken, Rung rung, const std::string& text,
                         bool whole) {
    ContinuationOptions options;
    options.rung = rung;
    const auto continuation = broken.dialect->go_on(options);
    std::vector<std::string> events = broken.api.head("two");
    for (const auto& token : author.strings(text)) events.push_back(broken.api.text(token, "two"));
    for (const auto& data : broken.api.tail("two")) events.push_back(data);
    if (!whole) events.resize(author.below(events.size() - broken.api.tail("two").size() + 1));
    for (const auto& data : events) {
        std::string piece;
        continuation->feed(data, piece);
        broken.sent(piece);  // as it goes on being followed
    }
    return continuation->state();
}

/// The whole stream as the client has it, or nothing when the second answer is taken for another.
std::string go_on(Author& author, Broken& broken, Rung rung, const std::string& text) {
    const auto state = tell(author, broken, rung, text, true);
    return state == Continuation::State::finished ? broken.stream : std::string();
}

constexpr unsigned kRuns = 2000;  // of chat, the others have an eighth; 40,000 were run once

unsigned runs_of(const Api& api) {
    return api.shape == wire::AnswerShape::chat ? kRuns : kRuns / 8;
}

}  // namespace

TEST_CASE("Prefill and restart give exactly the text") {
    for (const Api& api : kApis) {
        for (unsigned seed = 0; seed < runs_of(api); ++seed) {
            Author author(seed);
            const std::string text = author.text();
            Broken broken(api);
            break_off(author, text, broken);
            const std::string sent = broken.text();
            REQUIRE(broken.transcript().obstacle() == nullptr);
            const bool restart = author.one_in(2) || sendable(sent).empty();
            const std::string second = restart ? text : text.substr(sendable(sent).size());
            const auto rung = restart ? Rung::restart : Rung::prefill;
            const auto stream = go_on(author, broken, rung, second);
            CAPTURE(api.name, seed, restart, text, sent);
            REQUIRE_FALSE(stream.empty());
            REQUIRE(exact_text(api, stream) == text);
            REQUIRE(broken.text() == text);
        }
    }
}

TEST_CASE("A server that says a long prefill again is seen through") {
    for (const Api& api : kApis) {
        for (unsigned seed = 0; seed < runs_of(api) / 4; ++seed) {
            Author author(seed);
            const std::string text = author.prose();
            Broken broken(api);
            break_off(author, text, broken);
            if (sendable(broken.text()).size() < 40) continue;
            const auto stream = go_on(author, broken, Rung::prefill, text);
            CAPTURE(api.name, seed, text, broken.text());
            REQUIRE(exact_text(api, stream) == text);
        }
    }
}

TEST_CASE("An instruction gives a text whose seam neither repeats nor loses a word") {
    for (const Api& api : kApis) {
        for (unsigned seed = 0; seed < runs_of(api); ++seed) {
            Author author(seed);
            const std::string text = author.prose();
            Broken broken(api);
            break_off(author, text, broken);
            const std::string sent = broken.text();
            if (sendable(sent).empty()) continue;
            const std::string second = instructed(author, text, sent);
            const auto stream = go_on(author, broken, Rung::instruct, second);
            CAPTURE(api.name, seed, text, sent, second);
            REQUIRE_FALSE(stream.empty());
            REQUIRE(flat(exact_text(api, stream)) == flat(text));
        }
    }
}

TEST_CASE("What a model puts around the rest is not told, and no mark of the text is lost") {
    for (const Api& api : kApis) {
        for (unsigned seed = 0; seed < runs_of(api) / 2; ++seed) {
            Author author(seed);
            const Marks marks = author.marks();
            const bool stray = marks.open == marks.close && author.one_in(4);
            const std::string text = quoting(author, author.prose(), marks, stray);
            Broken broken(api);
            break_off(author, text, broken);
            const std::string sent = broken.text();
            const auto seen = std::string(sendable(sent));
            if (seen.size() < 40) continue;
            const auto rest = text.substr(seen.size());
            // Nobody can say whether this one closes what is put around the last words.
            if (stray && rest.starts_with(marks.close)) continue;
            const auto second = marks.open + std::string(anchor_of(seen)) + rest + marks.close;
            const auto stream = go_on(author, broken, Rung::instruct, second);
            const auto told = flat(exact_text(api, stream));
            CAPTURE(api.name, seed, text, sent, second);
            REQUIRE_FALSE(stream.empty());
            if (!stray) REQUIRE(told == flat(text));
            if (stray) REQUIRE((told == flat(text) || told == flat(text + marks.close)));
        }
    }
}

TEST_CASE("A rescue is rescued: three servers tell one text") {
    for (const Api& api : kApis) {
        for (unsigned seed = 0; seed < runs_of(api) / 4; ++seed) {
            Author author(seed);
            const std::string text = author.text();
            Broken broken(api);
            break_off(author, text, broken);
            // The second breaks as well, behind a few events.
            const auto sent = broken.text();
            const bool restart = sendable(sent).empty();
            tell(author, broken, restart ? Rung::restart : Rung::prefill,
                 text.substr(restart ? 0 : sendable(sent).size()), false);
            const auto more = broken.text();
            const bool again = sendable(more).empty() || author.one_in(2);
            const auto stream = go_on(author, broken, again ? Rung::restart : Rung::prefill,
                                      again ? text : text.substr(sendable(more).size()));
            CAPTURE(api.name, seed, text, sent, more);
            REQUIRE(exact_text(api, stream) == text);
        }
    }
}
