#!/usr/bin/env python3
"""The whole pipeline on each of its queues, beside what a user would pick instead: make bench-e2e.

  bench/e2e/bench_e2e.py [--queue memory|nats|kafka|composite]... [--layout shared|pinned]...
                         [--runs 5] [--seconds 3]

Everything stays up and idle while something else is measured, and contestants take turns: A B C, then
C B A. Saturation: single POSTs over 32 connections, NDJSON of 1000 over 4, and a gRPC stream, each as
fast as answers come. A rate is messages over wall time, for Millrace until the last of them is worked
off; accepted must equal processed after each run. CPU is that of all processes of the system. Then
latency from an open loop, timed from when each request was due: "accepted" is the answer at the
client, "worked off" is the age of messages at the processor, from the millisecond in their id,
interpolated in its histogram. In the layout "shared" everything runs on all cores, in "pinned" the
load generator has the first core and everything else the second.

Of a broker's own tool the rate is that of publishing alone: for Kafka ProducerPerformance (acks=all),
for NATS a minimal program on its C library.

Figures go to results/raw/. MILLRACE_BENCH names the folder of the executables (build/release/bin)."""

import argparse
import contextlib
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
for folder in ("report", "queues"):
    sys.path.insert(0, str(HERE.parent / folder))

import record  # noqa: E402  (the path comes first)
import systems  # noqa: E402
import servers  # noqa: E402  (systems has put it on the path)
from suite import Suite, progress  # noqa: E402

BROKERS_OF = {"memory": (), "nats": ("nats",), "kafka": ("kafka",), "composite": ("nats", "kafka")}


def cores_of(layout):
    """(the load generator's, everybody else's)"""
    cores = sorted(os.sched_getaffinity(0))
    if layout == "shared":
        return set(cores), set(cores)
    if len(cores) < 2:
        raise SystemExit("bench_e2e: the layout pinned needs two cores")
    return {cores[0]}, {cores[1]}


@contextlib.contextmanager
def running(queue, cores):
    """(Millrace on its queue, the brokers by name)"""
    with contextlib.ExitStack() as stack, systems.on_cores(cores):
        brokers = {}
        for name in BROKERS_OF[queue]:
            brokers[name] = servers.SERVERS[name]()
            stack.callback(brokers[name].stop)
            brokers[name].start()
        yield stack.enter_context(systems.Millrace(queue, brokers, cores)), brokers


@contextlib.contextmanager
def peers(cores):
    with contextlib.ExitStack() as stack, systems.on_cores(cores):
        found = [stack.enter_context(systems.Nginx())]
        if systems.BENTHOS.exists():
            found.append(stack.enter_context(systems.Benthos()))
        else:
            progress(f"Benthos is left out: {systems.BENTHOS} isn't there (make bench-e2e builds it)")
        yield found


def measure(layout, options):
    load_cores, cores = cores_of(layout)
    results = record.Record("pipeline", command=options.command, method=__doc__.split("\n\n")[2],
                            layout=layout)
    for queue in options.queue or BROKERS_OF:
        progress(f"{layout}, {queue}")
        with running(queue, cores) as (millrace, brokers):
            suite = Suite(results, millrace, load_cores, options)
            if queue == "memory":
                with peers(cores) as found:
                    suite.beside(found)
            else:
                suite.alone(brokers)
    print(f"written: {results.write().relative_to(systems.ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=tuple(BROKERS_OF))
    parser.add_argument("--layout", action="append", choices=("shared", "pinned"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    options.command = " ".join(["bench/e2e/bench_e2e.py", *sys.argv[1:]])
    try:
        for layout in options.layout or ("shared", "pinned"):
            measure(layout, options)
    except servers.CantStart as error:
        raise SystemExit(f"bench_e2e: {error}") from None


if __name__ == "__main__":
    main()
