// Bills and ledgers side by side: tables over text and sums.
#include "cmd/reconcile/compare.hpp"
#include "cmd/reconcile/csv.hpp"
#include "cmd/reconcile/print.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::cmd::reconcile;
namespace ledger = understudy::ledger;
using Names = std::vector<std::string>;

namespace {

constexpr std::int64_t kCent = 10'000'000;

ledger::DailyLine used(std::string day, std::string model, std::string answered,
                       const ledger::Tokens& tokens, std::int64_t cost) {
    ledger::DailyLine line;
    line.day = std::move(day);
    line.upstream = "up";
    line.model = std::move(model);
    line.answered = std::move(answered);
    line.sums.attempts = 1;
    line.sums.tokens = tokens;
    line.sums.cost_nano_usd = cost;
    return line;
}

std::vector<Comparison> compared(const char* csv, const std::vector<ledger::DailyLine>& lines,
                                 Provider provider = Provider::openai) {
    const auto bill = read_bill(provider, csv);
    REQUIRE(bill.error.empty());
    return compare(provider, bill, lines, kCent);
}

}  // namespace

TEST_CASE("A table is read whatever wrote it") {
    const Names header{"day", "model_name"};
    struct Row {
        const char* why;
        const char* text;
        Names cells;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"plain", "day,model name\n1,x\n", {"1", "x"}},
             {"no end", "day,model name\n1,x", {"1", "x"}},
             {"carriage returns", "day,model name\r\n1,x\r\n", {"1", "x"}},
             {"old ends", "day,model name\r1,x\r", {"1", "x"}},
             {"a mark",
              "\xEF\xBB\xBF"
              "day,Model Name\n1,x\n",
              {"1", "x"}},
             {"tabs", "day\tmodel name\n1\tx, y\n", {"1", "x, y"}},
             {"semicolons", "Day;\"Model (Name)\"\n1;x\n", {"1", "x"}},
             {"quotes", "\"day\",\"model name\"\n\"1\",\"a \"\"b\"\", c\"\n", {"1", "a \"b\", c"}},
             {"a line in a cell", "day,model name\n1,\"a\nb\"\n", {"1", "a\nb"}},
             {"empty rows", "\n\nday,model name\n\n , \n1,x\n\n", {"1", "x"}},
             {"an empty cell", "day,model name\n,x\n", {"", "x"}},
             {"behind a quote", "day,model name\n\"1\"2,x\n", {"12", "x"}}}) {
        INFO(row.why);
        const auto csv = read_csv(row.text);
        CHECK(csv.error.empty());
        CHECK(csv.header == header);
        REQUIRE(csv.rows.size() == 1);
        CHECK(csv.rows[0].cells == row.cells);
    }
    CHECK(read_csv("").error == "line 1: there is no line with the names of the columns");
    CHECK(read_csv("a,b\n1,2\n3,\"4\n").error == "line 3: a quote is not closed");
    const auto csv = read_csv("a,b\n\"1\n1\",2\n\n3,4\n");
    CHECK(csv.rows[0].line == 2);
    CHECK(csv.rows[1].line == 5);
}

TEST_CASE("Days and amounts are known in many spellings") {
    for (const char* text : {"2026-11-29", "2026-11-29T00:00:00+00:00", "2026-11-29 10:00:00.713",
                             "2026/11/29", "1795910400", "1795910400000", " 2026-11-29 "}) {
        CHECK(day_of(text) == "2026-11-29");
    }
    CHECK(day_of("2026/9/1") == "2026-09-01");
    for (const char* text :
         {"", "yesterday", "2026-13-01", "2026-11", "29.11.2026", "2026-11-29x"}) {
        CHECK(day_of(text).empty());
    }
    CHECK(amount_of("1.5") == 1'500'000'000);
    CHECK(amount_of("$1,234.50") == 1'234'500'000'000);
    CHECK(amount_of("1e-05") == 10'000);
    CHECK(amount_of("-0.25") == -250'000'000);
    CHECK(amount_of("-1,234,567") == -1'234'567'000'000'000);
    // A decimal comma is none of these: it would be a much larger amount.
    for (const char* text : {"", "free", "1.2.3", "nan", "1e12", "0,0225", "0,225", "12,5",
                             "1,2345", "1.234,50", "1234,567", ",5", "1,", "1,23,456"}) {
        INFO(text);
        CHECK_FALSE(amount_of(text));
    }
}

TEST_CASE("Spellings of one model are one, models that are alike are not") {
    const auto same = [](Provider p, const char* a, const char* b) {
        return same_model(p, a) == same_model(p, b);
    };
    using enum Provider;
    CHECK(same(openai, "gpt-4o-2024-08-06", "gpt-4o"));
    CHECK(same(anthropic, "Claude Sonnet 4.5", "claude-sonnet-4-5-20250929"));
    CHECK(same(openrouter, "anthropic/claude-4.5-sonnet-20250929", "anthropic/claude-sonnet-4.5"));
    CHECK(same(openrouter, "openai/gpt-oss-120b:free", "openai/gpt-oss-120b"));
    CHECK_FALSE(same(openai, "gpt-4o-mini", "gpt-4o"));
    CHECK_FALSE(same(openrouter, "openai/gpt-4o", "azure/gpt-4o"));
    CHECK_FALSE(same(anthropic, "claude-opus-4-5", "claude-opus-5-4"));
}

TEST_CASE("The exports of three providers are read by their own columns") {
    auto bill =
        read_bill(Provider::openai,
                  "start_time,end_time,start_time_iso,num_model_requests,model,input_tokens,"
                  "output_tokens,input_cached_tokens\n"
                  "1795910400,1795996800,2026-11-29T00:00:00+00:00,3,gpt-4o-2024-08-06,"
                  "1000,50,400\n"
                  "1795910400,1795996800,2026-11-29T00:00:00+00:00,1,gpt-4o,10,5,0\n"
                  "1795996800,1796083200,2026-11-30T00:00:00+00:00,,,,,\n");
    REQUIRE(bill.error.empty());
    REQUIRE(bill.lines.size() == 1);
    CHECK(bill.lines.begin()->first == DayAndModel{"2026-11-29", "gpt-4o"});
    CHECK(bill.lines.begin()->second.requests == 4);
    CHECK(bill.lines.begin()->second.prompt_tokens == 1010);
    CHECK(bill.lines.begin()->second.completion_tokens == 55);
    CHECK_FALSE(bill.has_cost);
    CHECK(bill.has_tokens);

    bill = read_bill(Provider::openai,
                     "start_time_iso,amount_value,amount_currency,line_item\n"
                     "2026-11-29T00:00:00+00:00,0.0025,usd,\"gpt-4o-2024-08-06, input\"\n"
                     "2026-11-29T00:00:00+00:00,0.0005,usd,\"gpt-4o-2024-08-06, output\"\n");
    REQUIRE(bill.lines.size() == 1);
    CHECK(bill.lines.begin()->second.cost_nano_usd == 3'000'000);
    CHECK(bill.by_model);

    bill = read_bill(Provider::openai,
                     "start_time_iso,amount_value,line_item\n2026-11-29T00:00:00+00:00,0.5,\n"
                     "2026-11-30T00:00:00+00:00,,\n");
    CHECK_FALSE(bill.by_model);
    CHECK(bill.lines.size() == 1);

    bill = read_bill(Provider::anthropic,
                     "usage_date_utc,model_version,usage_input_tokens_no_cache,"
                     "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,"
                     "usage_input_tokens_cache_read,usage_output_tokens\n"
                     "2026-11-29,claude-sonnet-4-5-20250929,100,20,3,4000,50\n");
    REQUIRE(bill.lines.size() == 1);
    CHECK(bill.lines.begin()->second.prompt_tokens == 4123);
    CHECK(bill.lines.begin()->second.completion_tokens == 50);

    bill = read_bill(Provider::openrouter,
                     "generation_id,created_at,cost_total,byok_usage_inference,tokens_prompt,"
                     "tokens_completion,model_permaslug\n"
                     "gen-1,2026-11-29 10:00:00.713,0.01,0.2,10,5,openai/gpt-4o\n"
                     "gen-2,2026-11-29 11:00:00.713,0.02,,10,5,openai/gpt-4o\n");
    REQUIRE(bill.lines.size() == 1);
    CHECK(bill.lines.begin()->second.cost_nano_usd == 230'000'000);
}

TEST_CASE("What is wrong with a bill is told with its line") {
    const auto error = [](const char* text) { return read_bill(Provider::openai, text).error; };
    CHECK(error("when,cost\n1,2\n").starts_with("no column holds the day; known names are "));
    CHECK(error("date,model\n2026-11-29,m\n").starts_with("no column holds costs ("));
    CHECK(error("date,cost\nlately,1\n") == "line 2: date is \"lately\", not a day");
    CHECK(error("date,cost\n2026-11-29,much\n") ==
          "line 2: cost is \"much\", not an amount in dollars");
    CHECK(error("date,input_tokens\n2026-11-29,-5\n") ==
          "line 2: input_tokens is \"-5\", not a count");
    CHECK(error("date,amount_value,amount_currency\n2026-11-29,1,USD\n2026-11-30,1,eur\n") ==
          "line 3: amount_currency is \"eur\", and what the ledger has is US dollars");
    CHECK(error("date,cost,currency\n2026-11-29,1,\n").empty());
    // Whatever the file holds, all of the message is to be seen.
    const std::string nul("date,cost\n\0\x1b[2J,1\n", 18);
    CHECK(read_bill(Provider::openai, nul).error.ends_with(", not a day"));
    CHECK(read_bill(Provider::openai, nul).error.find_first_of(std::string("\0\x1b", 2)) ==
          std::string::npos);
}

TEST_CASE("Each line has its verdict and the reason") {
    const char* const bill =
        "date,model,cost,input_tokens,output_tokens\n"
        "2026-11-29,gpt-4o,1.00,1000,100\n"
        "2026-11-29,gpt-4o-mini,2.00,1000,100\n"
        "2026-11-30,gpt-4o,3.00,1000,100\n";
    auto same =
        used("2026-11-29", "gpt-4o", "gpt-4o-2024-08-06", {1000, 0, 0, 100, 0}, 995'000'000);
    const auto verdicts = [&](ledger::DailyLine mini) {
        return compared(
            bill, {same, std::move(mini), used("2026-12-01", "gpt-4o", "", {5, 0, 0, 1, 0}, 7)});
    };
    const auto mini = [](std::int64_t cost, std::uint64_t prompt = 900) {
        return used("2026-11-29", "gpt-4o-mini", "", {prompt, 0, 0, 100, 0}, cost);
    };
    auto lines = verdicts(mini(2'000'000'000));
    REQUIRE(lines.size() == 4);
    CHECK(lines[0].verdict == Verdict::agrees);
    CHECK(lines[0].why.empty());
    CHECK(lines[0].difference_nano_usd() == 5'000'000);
    CHECK(lines[1].verdict == Verdict::agrees);
    CHECK(lines[2].verdict == Verdict::only_billed);
    CHECK(lines[2].model == "gpt-4o");
    CHECK(lines[3].verdict == Verdict::only_ledger);
    CHECK(lines[3].day == "2026-12-01");

    auto line = mini(1'500'000'000);
    line.sums.missing = 2;
    CHECK(verdicts(line)[1].verdict == Verdict::missing);
    CHECK(verdicts(line)[1].why == "2 answers did not say what was used");
    line.sums.unpriced = 1;
    CHECK(verdicts(line)[1].verdict == Verdict::unpriced);
    CHECK(verdicts(line)[1].why.find("; 2 answers") != std::string::npos);
    line = mini(2'500'000'000);
    line.sums.missing = 2;  // which is no reason for more than was billed
    CHECK(verdicts(line)[1].verdict == Verdict::differs);
    line = mini(1'900'000'000);
    line.sums.estimated_cost_nano_usd = 300'000'000;
    line.sums.estimated_output = 10;
    CHECK(verdicts(line)[1].verdict == Verdict::estimated);
    line = mini(2'100'000'000);  // as reported: more than was billed in any case
    line.sums.estimated_cost_nano_usd = 1;
    CHECK(verdicts(line)[1].verdict == Verdict::differs);
    CHECK(verdicts(mini(1'000'000'000, 1000))[1].verdict == Verdict::price);
    CHECK(verdicts(mini(1'000'000'000))[1].verdict == Verdict::differs);
    for (const auto verdict :
         {Verdict::agrees, Verdict::estimated, Verdict::missing, Verdict::unpriced}) {
        CHECK(explained(verdict));
    }
    for (const auto verdict :
         {Verdict::price, Verdict::only_billed, Verdict::only_ledger, Verdict::differs}) {
        CHECK_FALSE(explained(verdict));
    }
}

TEST_CASE("A bill without costs is compared by its tokens, one without models by its days") {
    const char* const tokens = "date,model,input_tokens,output_tokens\n2026-11-29,m,10,2\n";
    CHECK(compared(tokens, {used("2026-11-29", "m", "", {4, 5, 1, 1, 1}, 99)})[0].verdict ==
          Verdict::agrees);
    CHECK(compared(tokens, {used("2026-11-29", "m", "", {10, 0, 0, 1, 0}, 99)})[0].verdict ==
          Verdict::differs);
    auto broken = used("2026-11-29", "m", "", {10, 0, 0, 0, 0}, 99);
    broken.sums.estimated_output = 1;
    CHECK(compared(tokens, {broken})[0].verdict == Verdict::estimated);
    const auto lines = compared("date,cost\n2026-11-29,0.5\n",
                                {used("2026-11-29", "a", "", {1, 0, 0, 1, 0}, 200'000'000),
                                 used("2026-11-29", "b", "", {1, 0, 0, 1, 0}, 300'000'000)});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].verdict == Verdict::agrees);
    CHECK(lines[0].ledger.attempts == 2);
}

TEST_CASE("What was asked for is the bill's name where what answered is not") {
    const auto lines =
        compared("date,model,cost\n2026-11-29,alias,0.5\n",
                 {used("2026-11-29", "alias", "real-1", {1, 0, 0, 1, 0}, 500'000'000),
                  used("2026-11-29", "m", "m", {}, 0)});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].verdict == Verdict::agrees);
}

TEST_CASE("A comparison is written for people, scripts and tables") {
    Report report;
    report.upstreams = {"up"};
    report.has_cost = true;
    report.lines = compared("date,model,cost\n2026-11-29,\"a,b\",0.5\n2026-11-30,m,1\n",
                            {used("2026-11-30", "m", "", {1, 0, 0, 1, 0}, 1'000'000'000)});
    const auto table = table_of(report);
    CHECK(table.find("2026-11-30  m") != std::string::npos);
    CHECK(table.find("only_billed\n            the ledger has no attempt") != std::string::npos);
    CHECK(table.find("total") != std::string::npos);
    const auto csv = csv_of(report);
    CHECK(csv.find("2026-11-29,\"a,b\",0.5,0,0,0.5,") != std::string::npos);
    CHECK(csv.find("2026-11-30,m,1,1,0,0,,1,,1,0,0,agrees,\r\n") != std::string::npos);
    const auto json = json_of(report);
    CHECK(json.find(R"("difference_usd":0.5,"verdict":"only_billed")") != std::string::npos);
    CHECK(json.find(R"("total":{"billed_cost_usd":1.5,"cost_usd":1,"difference_usd":0.5})") !=
          std::string::npos);
}
