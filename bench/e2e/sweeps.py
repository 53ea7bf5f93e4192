#!/usr/bin/env python3
"""What a message costs as one thing grows and all else stays: make bench-sweeps.

  bench/e2e/sweeps.py [--sweep workers|connections|batch|payload|cores|backlog]...
                      [--runs 5] [--seconds 2]

Gateway, ingest and processor on the memory queue, single POSTs of 64 bytes of data over 32 connections
unless the sweep says otherwise (batches over 8), as fast as answers come; connections at 5,000/s for
10 s, with the opening of the connections in it. The figure is the CPU time of all of Millrace's
processes per message that was worked off: on two cores it should stay flat, and for batches fall. Cores
are those of services and load generator together; there the rate, and what it is of the rate on one
core, are rows too. A backlog is the memory queue alone, filled and emptied by one thread: CPU time of
both per message, once its memory was used before. Services are started anew for each number of workers
and of cores; the points of a sweep are visited in turn, run after run, there and back.

Figures go to results/raw/, a record for each sweep. MILLRACE_BENCH names another folder of executables
than build/release/bin; what they do is shown, not recorded."""

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
import backlog  # noqa: E402
import loads  # noqa: E402
import session  # noqa: E402
from session import in_turn, progress  # noqa: E402

CONNECTIONS_MAX = 10_000
DESCRIPTORS_MORE = 200
RATE = 5_000
# Long beside what it takes to open ten thousand connections.
CONNECTIONS_S = 10
WARM_UP_S = 0.5
TARGETS = ["api-gateway", "ingest", "processor", "grpc-server", "open_loop", "backlog_bench"]


def all_cores():
    return sorted(os.sched_getaffinity(0))


def nothing(_x):
    return {}


@dataclasses.dataclass
class Sweep:
    x_name: str
    points: list
    kind: str = "single"
    settings: object = nothing  # of the services, which are then started anew for each x
    load: object = nothing  # more of loads.http
    seconds: float = 0  # instead of --seconds
    over_cores: bool = False

    def cores(self, x):
        return set(all_cores()[:x] if self.over_cores else all_cores())

    @property
    def one_system(self):
        return self.settings is nothing and not self.over_cores


SWEEPS = {
    "workers": Sweep("worker threads", [1, 2, 4, 8, 16, 32, 64],
                     settings=lambda x: {"PROCESSOR_WORKERS": x}),
    "connections": Sweep("connections", [1, 10, 100, 1_000, 10_000], seconds=CONNECTIONS_S,
                         load=lambda x: {"connections": x, "rate": RATE}),
    "batch": Sweep("messages per request", [1, 4, 16, 64, 256, 1024, 4096], kind="batch",
                   load=lambda x: {"batch": x, "connections": 8}),
    "payload": Sweep("bytes of data", [64, 256, 1024, 4096, 16384, 65536, 262144],
                     load=lambda x: {"payload_bytes": x}),
    "cores": Sweep("cores", [x for x in (1, 2, 4, 8, 16, 32, 64) if x <= len(all_cores())],
                   over_cores=True),
}


@contextlib.contextmanager
def started(sweep, x):
    cores = sweep.cores(x)
    with systems.on_cores(cores), systems.Millrace("memory", {}, cores, grpc=False,
                                                   **sweep.settings(x)) as millrace:
        yield millrace


def point(sweep, x, millrace, seconds):
    def send():
        report = loads.http(millrace.urls[sweep.kind], sweep.kind, sweep.cores(x), seconds,
                            **sweep.load(x))
        if report["complaint"]:
            progress(f"  {sweep.x_name} {x}: {report['complaint']}")
        return report

    return loads.Measured(millrace, send)


def visit(sweep, options):
    """{x: what was measured in each run}"""
    found = {x: [] for x in sweep.points}
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(started(sweep, sweep.points[0])) if sweep.one_system else None
        for run in range(options.runs):
            for x in in_turn(sweep.points, run):
                with contextlib.ExitStack() as own:
                    millrace = shared or own.enter_context(started(sweep, x))
                    point(sweep, x, millrace, WARM_UP_S)
                    found[x].append(point(sweep, x, millrace, sweep.seconds or options.seconds))
    return found


def add_rows(sweep, found, results):
    for x, measured in found.items():
        def add(measure, unit, runs, x=x):
            results.add(f"sweep: {sweep.x_name}", "millrace", measure, unit, runs, x=x,
                        x_name=sweep.x_name)

        cpu = [one.cpu_us for one in measured]
        add("CPU per message", "µs", cpu)
        words = f"{statistics.median(cpu):.2f} us a message ({min(cpu):.2f} to {max(cpu):.2f})"
        if sweep.over_cores:
            rates = [one.rate for one in measured]
            on_one = [one.rate for one in found[1]]
            scaled = [rate / base for rate, base in zip(rates, on_one)]
            add("accepted and worked off", "messages/s", rates)
            add("rate, of that on one core", "times", scaled)
            words += f", {statistics.median(rates):,.0f}/s, {statistics.median(scaled):.2f} x one core"
        progress(f"  {x:>7,} {sweep.x_name}: {words}")


def allow_descriptors(count):
    """Of this process and all it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise RuntimeError(f"{CONNECTIONS_MAX} connections need {count} descriptors, and the hard limit "
                           f"is {hard}: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def run_sweep(name, options):
    progress(name)
    method, points = __doc__.split("\n\n")[2], []
    if name == "backlog":
        points, left_out = backlog.points_here()
        for words in left_out:
            progress(f"  {words}")
        method = ". ".join([method.rstrip("."), *left_out]) + "."
    results = record.Record(f"sweep-{name}", command=options.command, method=method)
    if name == "backlog":
        backlog.run(points, results, options)
    else:
        add_rows(SWEEPS[name], visit(SWEEPS[name], options), results)
    session.keep(results, options.runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", action="append", choices=(*SWEEPS, "backlog"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    options.command = " ".join(["bench/e2e/sweeps.py", *sys.argv[1:]])
    session.build(TARGETS)
    wanted = options.sweep or [*SWEEPS, "backlog"]
    if "connections" in wanted:
        allow_descriptors(CONNECTIONS_MAX + DESCRIPTORS_MORE)
    for name in wanted:
        run_sweep(name, options)


if __name__ == "__main__":
    session.run("bench-sweeps", main)
