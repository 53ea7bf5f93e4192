#!/usr/bin/env python3
"""Our queues beside the brokers' own tools, on real brokers, in one run.

  bench/queues/bench_queues.py [--queue nats] [--runs 5] [--messages 200000] [--bytes 200]

For each queue: publishing through our producer and by the other tool, then consuming what was
published through our consumer and by the other tool, in turn. For NATS the other tool is a minimal
program on the client library that only publishes asynchronously, or only fetches and acks. Rates are
messages over wall time; the ratio is that of the medians, with the least and the greatest of the
runs. MILLRACE_BENCH names the directory of the bench executables (build/release/bin)."""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "servers"))

import servers  # noqa: E402  (the path comes first)

BENCH = pathlib.Path(os.environ.get("MILLRACE_BENCH", ROOT / "build" / "release" / "bin"))
WANTED = 0.8  # of the other tool's rate


def rate(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout)
    return result["messages"] / result["seconds"]


def measure_nats(server, options):
    """{(what, who): rates}; each run on a stream of its own, who begins alternates."""
    rates = {(what, who): [] for what in ("publish", "consume") for who in ("ours", "theirs")}
    for run in range(options.runs):
        order = ("ours", "theirs") if run % 2 == 0 else ("theirs", "ours")
        # Ours creates the stream; that isn't measured.
        rate([BENCH / "nats_queue_bench", "ours", "publish", server.url, f"bench-{run}", "1",
              str(options.bytes)])
        rate([BENCH / "nats_queue_bench", "ours", "consume", server.url, f"bench-{run}", "1", "0"])
        for what in ("publish", "consume"):
            for who in order:
                rates[what, who].append(rate(
                    [BENCH / "nats_queue_bench", who, what, server.url, f"bench-{run}",
                     str(options.messages), str(options.bytes)]))
                print(f"  run {run + 1}: {what} {who:6} {rates[what, who][-1]:>10,.0f}/s",
                      flush=True)
    return rates


def report(queue, rates):
    """True when both ratios are as wanted."""
    good = True
    for what in ("publish", "consume"):
        ours, theirs = rates[what, "ours"], rates[what, "theirs"]
        ratios = [a / b for a, b in zip(ours, theirs)]
        ratio = statistics.median(ours) / statistics.median(theirs)
        good = good and ratio >= WANTED
        print(f"{queue:8}{what:9}ours {statistics.median(ours):>9,.0f}/s "
              f"({min(ours):,.0f} to {max(ours):,.0f})   "
              f"theirs {statistics.median(theirs):>9,.0f}/s "
              f"({min(theirs):,.0f} to {max(theirs):,.0f})   "
              f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=("nats",))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--bytes", type=int, default=200)
    options = parser.parse_args()

    print(f"{os.cpu_count()} cores, {platform.release()}; {options.runs} runs of "
          f"{options.messages:,} messages with {options.bytes} bytes of payload")
    good = True
    for queue in options.queue or ("nats",):
        server = servers.SERVERS[queue]()
        try:
            server.start()
            good = report(queue, measure_nats(server, options)) and good
        except servers.CantStart as error:
            raise SystemExit(f"bench_queues: {error}") from None
        finally:
            server.stop()
    print(f"wanted: at least {WANTED} x each: {'reached' if good else 'NOT reached'}")


if __name__ == "__main__":
    main()
