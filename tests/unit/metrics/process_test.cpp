// The figures of the process, against what this process knows about itself.
#include "metrics/process.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <thread>

using namespace understudy::metrics;

TEST_CASE("the stat line is parsed behind any program name") {
    const std::string fields = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 42 0 987654 20 21 22\n";
    for (const std::string name : {"understudy", "a b", "x) S 9 (y", "", ")"}) {
        const auto parsed = parse_stat("123 (" + name + ")" + fields);
        INFO(name);
        REQUIRE(parsed);
        CHECK(parsed->threads == 42);
        CHECK(parsed->start_ticks == 987'654);
    }
}

TEST_CASE("a stat line that says nothing gives nothing") {
    CHECK_FALSE(parse_stat(""));
    CHECK_FALSE(parse_stat("123 understudy S 1"));
    CHECK_FALSE(parse_stat("123 (x) S 1 2 3"));
    CHECK_FALSE(parse_stat("123 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 many 0 987654 20"));
}

TEST_CASE("this process is described as it is") {
    const auto before = read_process_stats();
    REQUIRE(before.open_fds);
    const int fd = ::open("/dev/null", O_RDONLY);
    REQUIRE(fd >= 0);
    const auto after = read_process_stats();
    ::close(fd);
    CHECK(*after.open_fds == *before.open_fds + 1);
    CHECK(*after.cpu_ns >= *before.cpu_ns);
    CHECK(*after.resident_bytes > 100'000);
    CHECK(*after.virtual_bytes >= *after.resident_bytes);
    CHECK(*after.threads >= 1);
    CHECK(*after.max_fds >= *after.open_fds);
    const auto now_ms = static_cast<std::uint64_t>(std::time(nullptr)) * 1'000;
    CHECK(*after.start_ms <= now_ms + 2'000);
    CHECK(*after.start_ms + 3'600'000 > now_ms);
}

TEST_CASE("what could not be read is left out") {
    std::string page;
    render_process(page, Format::prometheus, ProcessStats{});
    CHECK(page.empty());
    ProcessStats stats;
    stats.cpu_ns = 1'500'000'000;
    stats.start_ms = 1'700'000'000'250;
    render_process(page, Format::openmetrics, stats);
    CHECK(page ==
          "# HELP process_cpu_seconds User and system CPU time spent.\n"
          "# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n"
          "process_cpu_seconds_total 1.5\n"
          "# HELP process_start_time_seconds Start time of the process since the Unix epoch.\n"
          "# TYPE process_start_time_seconds gauge\n# UNIT process_start_time_seconds seconds\n"
          "process_start_time_seconds 1700000000.25\n");
}
