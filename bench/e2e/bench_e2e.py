#!/usr/bin/env python3
"""The whole pipeline on each of its queues, beside what a user would pick instead: make bench-e2e.

  bench/e2e/bench_e2e.py [--queue memory|nats|kafka|composite]... [--layout shared|pinned]...
                         [--runs 5] [--seconds 2]

Everything stays up and idle while something else is measured, and contestants take turns: A B C, then
C B A, after a run each that isn't kept. Saturation: single POSTs over 32 connections, NDJSON of 1000
over 4, and a gRPC stream, each as fast as answers come. A rate is messages accepted over wall time, for
Millrace from the first request (of a stream: from the client's start) until the last message is worked
off; accepted must equal processed after each run. CPU is that of all of a system's own processes, the
opening of connections included; brokers aren't in it. Latency is from an open loop: "accepted" is any
answer at the client, from when its request was due; "worked off, at most" is the upper bound of the
histogram's bucket of messages' ages, from the millisecond in their id, and 1 ms, for ages are cut to
whole ones. Percentiles with fewer than 10 requests beyond them are left out. The load generator's own
CPU and lateness are rows of open_loop. Memory is PSS after each stretch of a soak with single POSTs.
In the layout "shared" everything runs on all cores; in "pinned" load generators and brokers' tools have
the first core, everything else the second, and latency is measured at one rate only.

Of a broker's own means the rate is that of publishing alone: for Kafka ProducerPerformance (acks=all),
for NATS a minimal program on its C library, which sends no ids.

Figures go to results/raw/, a record for each queue and layout. MILLRACE_BENCH names another folder of
executables than build/release/bin; what they do is shown, not recorded."""

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
import peers  # noqa: E402
import servers  # noqa: E402  (systems has put it on the path)
import session  # noqa: E402
from suite import Suite  # noqa: E402

BROKERS_OF = {"memory": (), "nats": ("nats",), "kafka": ("kafka",), "composite": ("nats", "kafka")}
TARGETS = ["api-gateway", "ingest", "processor", "grpc-server", "open_loop", "grpc_stream_client",
           "nats_queue_bench", "kafka_queue_bench"]
NO_BENTHOS = "Benthos is left out: it isn't built (scripts/install-tools.sh benthos-4.45.1)"


def cores_of(layout):
    """(the load generator's, everybody else's)"""
    cores = sorted(os.sched_getaffinity(0))
    if layout == "shared":
        return set(cores), set(cores)
    if len(cores) < 2:
        raise RuntimeError("the layout pinned needs two cores")
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
def beside(cores):
    """(nginx, a list of Benthos)"""
    with contextlib.ExitStack() as stack, systems.on_cores(cores):
        nginx = stack.enter_context(peers.Nginx())
        benthos = [stack.enter_context(peers.Benthos())] if peers.BENTHOS.exists() else []
        yield nginx, benthos


def method_of(queue):
    text = __doc__.split("\n\n")[2]
    if queue != "memory" or peers.BENTHOS.exists():
        return text
    session.progress(NO_BENTHOS)
    return f"{text} {NO_BENTHOS}."


def measure(queue, layout, options):
    session.progress(f"{queue}, {layout}")
    load_cores, cores = cores_of(layout)
    results = record.Record(f"pipeline-{queue}", command=options.command, method=method_of(queue),
                            layout=layout)
    with running(queue, cores) as (millrace, brokers):
        suite = Suite(results, millrace, load_cores, cores, layout, options)
        if queue == "memory":
            with beside(cores) as (nginx, benthos):
                suite.beside(nginx, benthos)
        else:
            suite.alone(brokers)
    session.keep(results, options.runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=tuple(BROKERS_OF))
    parser.add_argument("--layout", action="append", choices=("shared", "pinned"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    options.command = " ".join(["bench/e2e/bench_e2e.py", *sys.argv[1:]])
    session.build(TARGETS)
    for layout in options.layout or ("shared", "pinned"):
        for queue in options.queue or BROKERS_OF:
            measure(queue, layout, options)


if __name__ == "__main__":
    session.run("bench-e2e", main)
