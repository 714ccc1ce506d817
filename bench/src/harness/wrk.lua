-- Each request carries the next of the cookies in the file; the figures come in one line.
local requests = {}
local next_one = 0

function init(arguments)
  if arguments[1] then
    for cookie in io.lines(arguments[1]) do
      requests[#requests + 1] = wrk.format("GET", nil, { ["Cookie"] = cookie })
    end
  end
  if #requests == 0 then
    requests[1] = wrk.format("GET")
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "figures requests=%d microseconds=%d connect=%d read=%d write=%d status=%d timeout=%d p50=%d p99=%d max=%d\n",
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.status,
    errors.timeout, latency:percentile(50), latency:percentile(99), latency.max))
end
