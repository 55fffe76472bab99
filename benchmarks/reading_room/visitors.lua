-- Visitors for wrk: each asks for the next address of a list, and may read between two pages.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  paths = {}
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
  reading = tonumber(args[2])
  next_path, other = 0, 0
  math.randomseed(1)
  -- without reading there must be no delay(): wrk would set a timer each time
  if reading == 0 then
    delay = nil
  end
end

function delay()
  return math.random(reading / 2, reading * 3 / 2)
end

function request()
  next_path = next_path % #paths + 1
  return wrk.format("GET", paths[next_path], { ["Accept-Encoding"] = "gzip", ["Host"] = wrk.headers["Host"] })
end

function response(status)
  if status ~= 200 then
    other = other + 1
  end
end

function done(summary, latency)
  local not_200 = 0
  for _, thread in ipairs(threads) do
    not_200 = not_200 + thread:get("other")
  end
  local e = summary.errors
  print(string.format(
    '{"answers": %d, "seconds": %f, "p50": %f, "p95": %f, "p99": %f, "other": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, not_200, e.connect + e.read + e.write + e.timeout))
end
