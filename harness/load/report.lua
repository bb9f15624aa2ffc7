-- What the scripts of this folder share, and the line of figures at the end that harness/load/load.py reads.
--
-- wrk runs one Lua state for each of its threads. It calls `request` when a connection is free and `response` when an
-- answer has come, and says in neither which connection it is.

documents = tonumber(os.getenv("OCCKIT_LOAD_DOCUMENTS")) or 1000

-- Globals, since done() can read those of every thread.
applied, conflicts, unexpected = 0, 0, 0

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

-- Each thread has ids of its own; math.random would give all of them the same ones.
local state

function random_id()
  state = ((state or 7919 * (number + 1)) * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % documents
end

function done(summary, latency)
  local sums = {applied = 0, conflicts = 0, unexpected = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local errors = summary.errors
  io.write(string.format("figures requests=%d duration_us=%d applied=%d conflicts=%d unexpected=%d non_2xx=%d failed=%d "
    .. "latency_p50_us=%d latency_p90_us=%d latency_p99_us=%d latency_max_us=%d\n", summary.requests, summary.duration,
    sums.applied, sums.conflicts, sums.unexpected, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max))
end
