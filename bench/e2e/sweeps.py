#!/usr/bin/env python3
"""What a message costs as one thing grows and all else stays: make bench-sweeps.

  bench/e2e/sweeps.py [--sweep workers|connections|batch|payload]... [--runs 3] [--seconds 2]

Gateway, ingest and processor on the memory queue, single POSTs of 64 bytes of data over 32 connections
unless the sweep says otherwise (batches over 8); workers, batch and payload as fast as answers come,
connections at 5,000/s. The figure is the CPU time of all of Millrace's processes per message that was worked off: on
two cores it should stay flat, and for batches fall. Services are started anew for each number of
workers; the points of a sweep are visited in turn, run after run.

Figures go to results/raw/. MILLRACE_BENCH names the folder of the executables (build/release/bin)."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import resource
import statistics
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "report"))

import record  # noqa: E402  (the path comes first)
import systems  # noqa: E402
import loads  # noqa: E402

CONNECTIONS_MAX = 10_000
DESCRIPTORS_MORE = 200
RATE = 5_000


@dataclasses.dataclass
class Sweep:
    x_name: str
    points: list
    kind: str = "single"
    settings: object = staticmethod(lambda x: {})  # of the services
    load: object = staticmethod(lambda x: {})  # more of loads.http


SWEEPS = {
    "workers": Sweep("worker threads", [1, 2, 4, 8, 16, 32, 64],
                     settings=lambda x: {"PROCESSOR_WORKERS": x}),
    "connections": Sweep("connections", [1, 10, 100, 1_000, 10_000],
                         load=lambda x: {"connections": x, "rate": RATE}),
    "batch": Sweep("messages per request", [1, 4, 16, 64, 256, 1024, 4096], kind="batch",
                   load=lambda x: {"batch": x, "connections": 8}),
    "payload": Sweep("bytes of data", [64, 256, 1024, 4096, 16384, 65536, 262144],
                     load=lambda x: {"payload_bytes": x}),
}


def progress(text):
    print(text, file=sys.stderr, flush=True)


def point(sweep, x, millrace, cores, seconds):
    arguments = {"rate": "max", **sweep.load(x)}

    def send():
        report = loads.http(millrace.url(sweep.kind), sweep.kind, cores, seconds, **arguments)
        if failed := loads.failures(report):
            progress(f"  {sweep.x_name} {x}: {failed} requests failed: {report['status']} "
                     f"{report['errors']}")
        return report["accepted_messages"], report["wall_s"], report

    return loads.Measured(millrace, send)


def run_sweep(name, results, options):
    sweep = SWEEPS[name]
    cores = os.sched_getaffinity(0)
    found = {x: [] for x in sweep.points}
    same_settings = len({str(sweep.settings(x)) for x in sweep.points}) == 1
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(
            systems.Millrace("memory", {}, cores, **sweep.settings(0))) if same_settings else None
        for _ in range(options.runs):
            for x in sweep.points:
                with contextlib.ExitStack() as own:
                    millrace = shared or own.enter_context(
                        systems.Millrace("memory", {}, cores, **sweep.settings(x)))
                    point(sweep, x, millrace, cores, 0.5)  # warms up
                    found[x].append(point(sweep, x, millrace, cores, options.seconds))
    for x, measured in found.items():
        cpu = [one.cpu_us for one in measured]
        results.add(f"sweep: {sweep.x_name}", "millrace", "CPU per message", "µs", cpu, x=x,
                    x_name=sweep.x_name)
        progress(f"  {x:>7} {sweep.x_name}: {statistics.median(cpu):.2f} us a message "
                 f"({min(cpu):.2f} to {max(cpu):.2f})")


def allow_descriptors(count):
    """Of this process and all it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise SystemExit(f"sweeps: {CONNECTIONS_MAX} connections need {count} descriptors, and the "
                         f"hard limit is {hard}: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", action="append", choices=tuple(SWEEPS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    allow_descriptors(CONNECTIONS_MAX + DESCRIPTORS_MORE)
    results = record.Record("sweeps", command=" ".join(["bench/e2e/sweeps.py", *sys.argv[1:]]),
                            method=__doc__.split("\n\n")[2])
    for name in options.sweep or SWEEPS:
        progress(name)
        run_sweep(name, results, options)
    print(f"written: {results.write().relative_to(systems.ROOT)}")


if __name__ == "__main__":
    main()
