#include "ledger/sqlite/schema.hpp"

#include <array>
#include <string>

namespace understudy::ledger {

namespace {

// Rows are small, for there may be hundreds of millions of them: names are numbers of `name`, times
// are the row's own number, and only what nothing else can answer has an index. For people there
// are two views with everything in words; who changes a table makes them anew. Readers sum up older
// ledgers as they are (sqlite_reader.cpp): who changes the tables of attempts and sums looks there.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

-- id: when it ended, in microseconds since 1970, made unique by the microseconds behind it.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL,
  number INTEGER NOT NULL,            -- of the request's attempts, in the order in which they began
  session TEXT, route INTEGER, key INTEGER,
  upstream INTEGER NOT NULL, model INTEGER, answered_model INTEGER,
  dialect INTEGER, cause INTEGER, position INTEGER NOT NULL,
  reason INTEGER NOT NULL, status INTEGER, deliveries INTEGER NOT NULL,
  total_us INTEGER NOT NULL, first_token_us INTEGER,
  bytes_sent INTEGER, bytes_received INTEGER,
  usage INTEGER NOT NULL,             -- 0 none, 1 reported, 2 estimated, 3 both, 4 missing
  input INTEGER, cache_read INTEGER, cache_write INTEGER, output INTEGER, reasoning INTEGER,
  estimated_input INTEGER, estimated_output INTEGER,
  cost_nano_usd INTEGER, estimated_cost_nano_usd INTEGER,
  unpriced INTEGER, price INTEGER, tier INTEGER,
  detail TEXT
);

-- id: as above. given: the client chose the request's id.
CREATE TABLE request (
  id INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL, given INTEGER,
  session TEXT, route INTEGER, key INTEGER,
  path INTEGER, model INTEGER, outcome INTEGER NOT NULL, status INTEGER, code INTEGER,
  stream INTEGER, broken INTEGER, attempts INTEGER NOT NULL,
  served_by INTEGER, served_model INTEGER,
  total_us INTEGER NOT NULL, bytes_received INTEGER,
  prompt_tokens INTEGER, completion_tokens INTEGER, cost_nano_usd INTEGER
);
CREATE INDEX request_by_session ON request (session, id) WHERE session IS NOT NULL;
CREATE INDEX request_by_given_id ON request (request_id, id) WHERE given IS NOT NULL;

-- Sums by the hour that an attempt's id falls into (hours since 1970).
CREATE TABLE usage_hour (
  hour INTEGER, route INTEGER, key INTEGER, upstream INTEGER, model INTEGER,
  requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  estimated_input INTEGER NOT NULL, estimated_output INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL, estimated_cost_nano_usd INTEGER NOT NULL,
  missing INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (hour, route, key, upstream, model)
) WITHOUT ROWID;
CREATE TABLE session_hour (
  session TEXT, hour INTEGER, upstream INTEGER, model INTEGER,
  requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  estimated_input INTEGER NOT NULL, estimated_output INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL, estimated_cost_nano_usd INTEGER NOT NULL,
  missing INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (session, hour, upstream, model)
) WITHOUT ROWID;
CREATE INDEX session_hour_by_hour ON session_hour (hour);

-- The counters of /metrics, from which a restarted daemon goes on. Never forgotten.
CREATE TABLE counter (
  name TEXT, a INTEGER, b INTEGER, c INTEGER, d INTEGER, value INTEGER NOT NULL,
  PRIMARY KEY (name, a, b, c, d)
) WITHOUT ROWID;
)sql";

// Who has chosen a name, and the last hour (since 1970) of a row that has it. Of those that are
// there already nobody knows; they go when nothing has had them for as long as rows are kept.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE name ADD COLUMN chosen INTEGER;  -- by a client or a provider; NULL: by us
ALTER TABLE name ADD COLUMN seen INTEGER;
UPDATE name SET seen = CAST(strftime('%s', 'now') AS INTEGER) / 3600;
CREATE INDEX name_chosen ON name (id) WHERE chosen IS NOT NULL;
)sql";

// A request's number of its own, for its id may be a client's choice, and several have the same.
// Rows that are there already are told apart by their times: an attempt belongs to the first
// request with its id that was under way when it ended, to a millisecond; else, for clocks are set,
// to the first that ended at about the same time or after it. Of those next to it: a client may
// have given one id to very many.
constexpr const char* kVersion3 = R"sql(
ALTER TABLE request ADD COLUMN request_no INTEGER;
ALTER TABLE attempt ADD COLUMN request_no INTEGER;
UPDATE request SET request_no = id;
CREATE INDEX request_by_any_id ON request (request_id, id);
UPDATE attempt SET request_no = (SELECT id FROM (
  SELECT r.id, attempt.id BETWEEN r.id - r.total_us - 1000 AND r.id + 1000 AS fits FROM request r
  WHERE r.request_id = attempt.request_id AND r.id >= attempt.id - 2000000 ORDER BY r.id LIMIT 100)
  ORDER BY fits DESC, id LIMIT 1);
DROP INDEX request_by_any_id;
CREATE INDEX attempt_by_request ON attempt (request_no);
DROP VIEW IF EXISTS attempts;
DROP VIEW IF EXISTS requests;
CREATE VIEW attempts AS SELECT
  a.id, strftime('%Y-%m-%dT%H:%M:%fZ', a.id / 1e6, 'unixepoch') AS ended, a.request_id,
  a.request_no, a.number, a.session, route.text AS route, key.text AS key, upstream.text AS upstream, model.text AS model,
  answered.text AS answered_model, dialect.text AS dialect, cause.text AS cause, a.position,
  reason.text AS reason, a.status, a.deliveries, a.total_us / 1e3 AS total_ms,
  a.first_token_us / 1e3 AS first_token_ms, a.bytes_sent, a.bytes_received,
  CASE a.usage WHEN 1 THEN 'reported' WHEN 2 THEN 'estimated' WHEN 3 THEN 'both'
    WHEN 4 THEN 'missing' ELSE 'none' END AS usage,
  a.input, a.cache_read, a.cache_write, a.output, a.reasoning, a.estimated_input,
  a.estimated_output, a.cost_nano_usd, a.estimated_cost_nano_usd, a.unpriced, price.text AS price,
  tier.text AS tier, a.detail
FROM attempt a
  LEFT JOIN name route ON route.id = a.route LEFT JOIN name key ON key.id = a.key
  LEFT JOIN name upstream ON upstream.id = a.upstream LEFT JOIN name model ON model.id = a.model
  LEFT JOIN name answered ON answered.id = a.answered_model
  LEFT JOIN name dialect ON dialect.id = a.dialect LEFT JOIN name cause ON cause.id = a.cause
  LEFT JOIN name reason ON reason.id = a.reason LEFT JOIN name price ON price.id = a.price
  LEFT JOIN name tier ON tier.id = a.tier;

CREATE VIEW requests AS SELECT
  r.id, strftime('%Y-%m-%dT%H:%M:%fZ', r.id / 1e6, 'unixepoch') AS ended, r.request_id,
  r.request_no, r.session, route.text AS route, key.text AS key, path.text AS path, model.text AS model,
  outcome.text AS outcome, r.status, code.text AS code, r.stream, r.broken, r.attempts,
  served.text AS served_by, served_model.text AS served_model, r.total_us / 1e3 AS total_ms,
  r.bytes_received, r.prompt_tokens, r.completion_tokens, r.cost_nano_usd
FROM request r
  LEFT JOIN name route ON route.id = r.route LEFT JOIN name key ON key.id = r.key
  LEFT JOIN name path ON path.id = r.path LEFT JOIN name model ON model.id = r.model
  LEFT JOIN name outcome ON outcome.id = r.outcome LEFT JOIN name code ON code.id = r.code
  LEFT JOIN name served ON served.id = r.served_by
  LEFT JOIN name served_model ON served_model.id = r.served_model;
)sql";

// What a session used is kept by key, for its name is its client's choice; and by the hour first,
// so that the sums of all sessions are read in one go.
constexpr const char* kVersion4 = R"sql(
DROP TABLE session_hour;
CREATE TABLE session_hour (
  hour INTEGER, session TEXT, key INTEGER, upstream INTEGER, model INTEGER,
  requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  estimated_input INTEGER NOT NULL, estimated_output INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL, estimated_cost_nano_usd INTEGER NOT NULL,
  missing INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (hour, session, key, upstream, model)
) WITHOUT ROWID;
INSERT INTO session_hour SELECT
  id / 3600000000, session, ifnull(key, 0), upstream, ifnull(model, 0),
  sum(number = 1), count(*), sum(reason IS NOT (SELECT id FROM name WHERE text = 'ok')),
  sum(ifnull(input, 0)), sum(ifnull(cache_read, 0)), sum(ifnull(cache_write, 0)),
  sum(ifnull(output, 0)), sum(ifnull(reasoning, 0)),
  sum(ifnull(estimated_input, 0)), sum(ifnull(estimated_output, 0)),
  sum(ifnull(cost_nano_usd, 0)), sum(ifnull(estimated_cost_nano_usd, 0)),
  sum(usage = 4), sum(ifnull(unpriced, 0))
  FROM attempt WHERE session IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
CREATE INDEX session_hour_by_session ON session_hour (session, key);
)sql";

constexpr std::array<const char*, 4> kSteps{kVersion1, kVersion2, kVersion3, kVersion4};

Fault refuse(Database& database, Fault fault, std::string why) {
    database.set_why(std::move(why));
    return fault;
}

/// Whose file it is, and of which version.
struct Identity {
    std::int64_t application = 0, version = 0;
    bool empty = false;
};

Fault identify(Database& database, Identity& out) {
    // The first statement that reads: a file that is no database, or is locked, says so here.
    Statement statement;
    const auto fault = statement.prepare(database, "SELECT count(*) FROM sqlite_master", false);
    if (fault != Fault::none) return fault;
    if (statement.step() != Statement::Step::row) return statement.fault();
    out.empty = statement.number(0) == 0;
    out.application = database.number("PRAGMA application_id").value_or(0);
    out.version = database.number("PRAGMA user_version").value_or(0);
    return Fault::none;
}

Fault judge(Database& database, const Identity& identity, std::int64_t newest) {
    if (identity.application != kApplicationId) {
        return refuse(database, Fault::foreign, "it is the database of another program");
    }
    if (identity.version > newest) {
        return refuse(database, Fault::newer,
                      "a later version of Understudy made it (version " +
                          std::to_string(identity.version) + ", this one knows " +
                          std::to_string(newest) + ")");
    }
    return Fault::none;
}

}  // namespace

std::span<const char* const> schema_steps() {
    return kSteps;
}

Fault bring_up_to_date(Database& database, std::span<const char* const> steps) {
    const auto newest = static_cast<std::int64_t>(steps.size());
    Identity identity;
    auto fault = identify(database, identity);
    if (fault != Fault::none) return fault;
    if (!identity.empty) fault = judge(database, identity, newest);
    if (fault != Fault::none || identity.version == newest) return fault;
    fault = database.run("BEGIN IMMEDIATE");
    if (fault != Fault::none) return fault;
    // Another process may have done it meanwhile.
    fault = identify(database, identity);
    for (auto v = identity.version; fault == Fault::none && v < newest; ++v) {
        fault = database.run(steps[static_cast<std::size_t>(v)]);
    }
    const auto mark = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                      "; PRAGMA user_version = " + std::to_string(newest) + "; COMMIT";
    if (fault == Fault::none) fault = database.run(mark.c_str());
    if (fault != Fault::none) {
        const auto why = database.why();
        database.run("ROLLBACK");
        database.set_why(why);
    }
    return fault;
}

bool is_older(Database& database) {
    Identity identity;
    return identify(database, identity) == Fault::none && !identity.empty &&
           identity.application == kApplicationId &&
           identity.version < static_cast<std::int64_t>(kSteps.size());
}

Fault check_schema(Database& database, std::int64_t& version) {
    Identity identity;
    const auto fault = identify(database, identity);
    if (fault != Fault::none) return fault;
    if (identity.empty) return refuse(database, Fault::unreachable, "it is empty");
    version = identity.version;
    return judge(database, identity, static_cast<std::int64_t>(kSteps.size()));
}

}  // namespace understudy::ledger
