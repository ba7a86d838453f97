-- Requests of wrk: session creates or reads, by the variables that http_rate.py sets.
local method = os.getenv("BENCH_METHOD")
local body = os.getenv("BENCH_BODY")
local paths = {}
for path in os.getenv("BENCH_PATHS"):gmatch("%S+") do paths[#paths + 1] = path end
local threads = 0
local turn = 0

function setup(thread)
    thread:set("offset", threads)
    threads = threads + 1
end

function init()
    wrk.method = method
    wrk.body = body
    for line in os.getenv("BENCH_HEADERS"):gmatch("[^\n]+") do
        local name, value = line:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end
    turn = offset * 37
end

function request()
    turn = turn + 1
    return wrk.format(nil, paths[turn % #paths + 1])
end

function done(summary, latency)
    io.write(string.format(
        'RESULT {"requests": %d, "micros": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f, "max": %.3f, '
            .. '"failed": %d, "socket_errors": %d}\n',
        summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
        latency:percentile(99) / 1000, latency.max / 1000, summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
