-- wrk's plain request: a chat completion of exactly 2,048 bytes, the same body loadgen sends.
-- Arguments after `--` are further header lines. The summary is one line of JSON.
local before = '{"model":"bench","temperature":0.2,"messages":[{"role":"system","content":"Be brief."},'
  .. '{"role":"user","content":"'
local after = '"}]}'
local filling = "abcdefghijklmnopqrstuvwxyz0123456789+/ABCDEFGHIJ"

wrk.method = "POST"
wrk.body = before .. string.sub(string.rep(filling, 60), 1, 2048 - #before - #after) .. after
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-bench"

function init(args)
  for _, line in ipairs(args) do
    local name, value = string.match(line, "^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\njson {"requests": %d, "seconds": %.6f, "errors": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
