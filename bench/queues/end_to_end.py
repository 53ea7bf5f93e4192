#!/usr/bin/env python3
"""From the gateway to the sink with each queue: rates, and how long after it was accepted a message
is worked off.

  bench/queues/end_to_end.py [--queue memory|nats|kafka|composite]... [--seconds 10]

Single POSTs by wrk, closed-loop. The rate: 32 connections, messages accepted over the time until the
last of them is worked off. The latency: 4 connections, so that no queue builds up; from a message's
UUIDv7 (whole milliseconds) to its result, of the processor's own histogram, interpolated within its
buckets as Prometheus does. Everything shares this machine's cores. MILLRACE_BIN names the
executables."""

import argparse
import os
import pathlib
import platform
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("bench/load", "tests/chaos"):
    sys.path.insert(0, str(ROOT / folder))
os.environ.setdefault("MILLRACE_BIN", str(ROOT / "bin"))

import bench_hop  # noqa: E402  (the path comes first)
import field  # noqa: E402

METRIC = "millrace_end_to_end_seconds"
ROW = "{:10}{:>10}{:>12}{:>22}{:>26}   {}"


def histogram(processor):
    """Upper bound: messages at or below it, in the order of the bounds."""
    return {float(dict(labels)["le"]): value
            for (name, labels), value in processor.metrics().values.items()
            if name == f"{METRIC}_bucket"}


def quantile(before, after, part):
    """Seconds."""
    counts = [(bound, after[bound] - before.get(bound, 0)) for bound in sorted(after)]
    wanted = part * counts[-1][1]
    lower_bound, lower_count = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf") or count == lower_count:
                return lower_bound
            return lower_bound + (bound - lower_bound) * (wanted - lower_count) / (count - lower_count)
        lower_bound, lower_count = bound, count
    return lower_bound


def processed(one):
    return one.processors[0].get_json("/stats")["pool"]["processed"]


def settle(one, accepted):
    """Until so many are worked off; the messages that never were."""
    deadline = time.monotonic() + 120
    while processed(one) < accepted and time.monotonic() < deadline:
        time.sleep(0.02)
    return accepted - processed(one)


def measure(queue, seconds):
    with field.Brokers(queue) as brokers, field.Field(
            queue, brokers, settings={"HANDLER": "passthrough", "LOG_LEVEL": "warn",
                                      "QUEUE_SIZE": 100_000}) as one:
        url = f"{one.gateway.url}/api/v1/ingest"
        bench_hop.wrk(url, 1)
        time.sleep(1)
        before, accepted_before = histogram(one.processors[0]), processed(one)
        bench_hop.CONNECTIONS = 4
        slow = bench_hop.wrk(url, seconds)
        lost = settle(one, accepted_before + slow["requests"])
        after = histogram(one.processors[0])
        bench_hop.CONNECTIONS = 32
        began = time.monotonic()
        fast = bench_hop.wrk(url, seconds)
        lost += settle(one, accepted_before + slow["requests"] + fast["requests"])
        took = time.monotonic() - began
        quantiles = " / ".join(f"{quantile(before, after, part) * 1000:.1f}"
                               for part in (0.5, 0.99, 0.999))
        answers = f"{slow['p50_us'] / 1000:.1f} / {slow['p99_us'] / 1000:.1f}"
        memory = ", ".join(f"{service.name} {bench_hop.resident_mb(service.process.pid):.0f}"
                           for service in reversed(one.services))
        print(ROW.format(queue, f"{fast['requests'] / took:,.0f}",
                         f"{slow['requests'] / slow['seconds']:,.0f}", answers, quantiles, memory),
              flush=True)
        one.stop()
        errors = slow["errors"] + fast["errors"]
        if lost > 0 or errors:
            print(f"  FAILED: {lost} not worked off, {errors} requests failed")
        return lost <= 0 and not errors


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=tuple(field.BROKERS_OF))
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.release()}; wrk and brokers on the same machine")
    print(ROW.format("queue", "32 conn/s", "4 conn/s", "answer ms p50/p99",
                     "to result ms p50/99/99.9", "resident MB"))
    good = [measure(queue, options.seconds) for queue in options.queue or field.BROKERS_OF]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
