#!/usr/bin/env python3
"""Our queues beside the brokers' own tools, on real brokers, in one run.

  bench/queues/bench_queues.py [--queue nats|kafka|composite]... [--runs 5] [--bytes 200]

For each queue: publishing through our producer and by the other tool, then consuming what was
published through our consumer and by the other tool, in turn. For NATS the other tool is a minimal
program on the client library that only publishes asynchronously, or only fetches and acks; for Kafka
its own ProducerPerformance (acks=all) and ConsumerPerformance, which gets more messages because a
JVM starts slowly. A composite has no tool of its own; its rate is printed alone. Rates are messages
over wall time; a ratio is that of a pair of runs, and of all pairs the median is the figure, beside the
least and the greatest.

Figures of all queues and five runs or more go to results/raw/. MILLRACE_BENCH names the directory of
the bench executables (build/release/bin)."""

import argparse
import collections
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "servers"), str(ROOT / "bench" / "report")]

import build  # noqa: E402  (the path comes first)
import record  # noqa: E402
import servers  # noqa: E402
import stats  # noqa: E402

BENCH = build.binaries()
WANTED = 0.8  # of the other tool's rate
NATS_MESSAGES = 200_000
KAFKA_MESSAGES = 500_000


def output_of(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


class Nats:
    tools = {"publish": "a publisher on nats.c", "consume": "a consumer on nats.c"}

    def __init__(self, running, options):
        self.url = running["nats"].url
        self.bytes = options.bytes
        self.who = ("ours", "theirs")

    def run(self, who, what, name, messages=NATS_MESSAGES):
        result = json.loads(output_of([BENCH / "nats_queue_bench", who, what, self.url, name,
                                       messages, self.bytes]))
        return result["messages"] / result["seconds"]


class Kafka:
    tools = {"publish": "ProducerPerformance", "consume": "ConsumerPerformance"}

    def __init__(self, running, options):
        self.server = running["kafka"]
        self.bytes = options.bytes
        self.wire_bytes = None
        self.who = ("ours", "theirs")

    def run(self, who, what, name, messages=KAFKA_MESSAGES):
        if who == "ours":
            result = json.loads(output_of([BENCH / "kafka_queue_bench", what, self.server.address,
                                           name, messages, self.bytes]))
            self.wire_bytes = result["bytes"] or self.wire_bytes
            return result["messages"] / result["seconds"]
        return (self.publish if what == "publish" else self.consume)(name, messages)

    def publish(self, name, messages):
        """Into a topic of its own: these are no messages of ours."""
        self.run("ours", "publish", f"{name}-theirs", 1)
        text = output_of(self.server.java(
            "org.apache.kafka.tools.ProducerPerformance", "--topic", f"{name}-theirs",
            "--num-records", str(messages), "--record-size", str(self.wire_bytes),
            "--throughput", "-1", "--producer-props",
            f"bootstrap.servers={self.server.address}", "acks=all"))
        return float(re.findall(r"([\d.]+) records/sec", text)[-1])

    def consume(self, name, messages):
        """What ours published, without the time it took to join the group, as with ours."""
        lines = output_of(self.server.java(
            "org.apache.kafka.tools.ConsumerPerformance", "--topic", name,
            "--messages", str(messages), "--group", f"{name}-theirs", "--timeout", "30000",
            "--bootstrap-server", self.server.address)).splitlines()
        header = next(i for i, line in enumerate(lines) if "fetch.nMsg.sec" in line)
        cells = dict(zip((cell.strip() for cell in lines[header].split(",")),
                         (cell.strip() for cell in lines[header + 1].split(","))))
        return float(cells["fetch.nMsg.sec"])


class Composite:
    tools = {}

    def __init__(self, running, options):
        self.urls = [running["nats"].url, running["kafka"].address]
        self.bytes = options.bytes
        self.who = ("ours",)

    def run(self, _who, what, name, messages=NATS_MESSAGES):
        result = json.loads(output_of([BENCH / "composite_queue_bench", what, *self.urls, name,
                                       messages, self.bytes]))
        return result["messages"] / result["seconds"]


QUEUES = {"nats": (Nats, ("nats",)), "kafka": (Kafka, ("kafka",)),
          "composite": (Composite, ("nats", "kafka"))}


def measure(queue, runs):
    """{(what, who): rates}; each run on a stream or topic of its own, who begins alternates."""
    rates = collections.defaultdict(list)
    for run in range(runs):
        order = queue.who if run % 2 == 0 else queue.who[::-1]
        # Ours creates the stream or the topic; that isn't measured.
        queue.run("ours", "publish", f"bench-{run}", 1)
        queue.run("ours", "consume", f"bench-{run}", 1)
        for what in ("publish", "consume"):
            for who in order:
                rates[what, who].append(queue.run(who, what, f"bench-{run}"))
                print(f"  run {run + 1}: {what} {who:6} {rates[what, who][-1]:>10,.0f}/s",
                      flush=True)
    return rates


def spread(rates):
    return f"{statistics.median(rates):>9,.0f}/s ({min(rates):,.0f} to {max(rates):,.0f})"


def report(name, rates):
    """True when both ratios are as wanted."""
    good = True
    for what in ("publish", "consume"):
        ours, theirs = rates[what, "ours"], rates.get((what, "theirs"))
        text = f"{name:11}{what:9}ours {spread(ours)}"
        if theirs:
            ratios = stats.ratios(ours, theirs, in_turn=True)
            ratio = statistics.median(ratios)
            good = good and ratio >= WANTED
            text += (f"   theirs {spread(theirs)}   "
                     f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})")
        print(text, flush=True)
    return good


def put_into(results, name, rates):
    tools = QUEUES[name][0].tools
    for (what, who), runs in rates.items():
        contestant = "millrace" if who == "ours" else tools[what]
        results.add(f"{what} / {name}", contestant, "rate", "messages/s", runs)


def keep(results, options):
    """Of a part nothing: it would take the place of the whole."""
    if set(options.queue) != set(QUEUES) or options.runs < record.RUNS_MIN:
        print(f"nothing is kept: that takes {', '.join(QUEUES)} and {record.RUNS_MIN} runs")
    else:
        print(f"kept in {results.write().relative_to(ROOT)}")


def measured(name, options):
    """The rates of a queue, on brokers of its own."""
    make, needed = QUEUES[name]
    running = {server: servers.SERVERS[server]() for server in needed}
    try:
        for server in running.values():
            server.start()
        return measure(make(running, options), options.runs)
    except servers.CantStart as error:
        raise SystemExit(f"bench_queues: {error}") from None
    finally:
        for server in running.values():
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=tuple(QUEUES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=200)
    options = parser.parse_args()
    options.queue = options.queue or list(QUEUES)
    print(f"{os.cpu_count()} cores, {platform.release()}; {options.runs} runs of "
          f"{NATS_MESSAGES:,} messages, {KAFKA_MESSAGES:,} for Kafka alone, with {options.bytes} "
          "bytes of payload")
    build.refresh(*(f"{name}_queue_bench" for name in QUEUES))
    results = record.Record("queues", command=" ".join(["bench/queues/bench_queues.py", *sys.argv[1:]]),
                            method=__doc__.split("\n\n")[2])
    good = True
    for name in options.queue:
        rates = measured(name, options)
        put_into(results, name, rates)
        good = report(name, rates) and good
    keep(results, options)
    print(f"wanted: at least {WANTED} x each tool: {'reached' if good else 'NOT reached'}")


if __name__ == "__main__":
    main()
