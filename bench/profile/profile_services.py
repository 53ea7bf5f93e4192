#!/usr/bin/python3
"""Flame graphs of the real executables under load, into results/profiles/.

  bench/profile/profile_services.py [SERVICE]... [--queue memory] [--seconds 10] [--kind cpu|waits|heap]...

For each service (api-gateway, ingest, processor, grpc-server; all when none is named) and queue
(memory, nats, kafka, composite; commas between several), beside each graph a table of the same name:

  cpu          what runs, sampled by perf
  waits        what waits and for what: locks, parking, sockets, a core (every switch off a core)
  heap         who allocates how often, under heaptrack, which slows the service down
  heap-peak    who holds the memory at its peak, of the same run

What this machine doesn't allow is said, and makes the exit code 1; the others are made all the same."""

import argparse
import datetime
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "report"))

import flamegraph  # noqa: E402  (the path comes first)
import heap  # noqa: E402
import perf  # noqa: E402
import record  # noqa: E402
import system  # noqa: E402
import tables  # noqa: E402
from perf import CantProfile  # noqa: E402

OUT = record.ROOT / "results" / "profiles"
KINDS = ("cpu", "waits", "heap")
# Every switch is kept with its stack, tens of megabytes a second.
WAITS_S = 2


class Shown:
    """Where the graphs of one service and queue go, and what is said above each table."""

    def __init__(self, service, queue, loaded, out):
        self.service, self.queue, self.out = service, queue, out
        box = record.machine()
        self.head = [
            f"{service}, {queue} queue; {system.load_words(loaded.door)}",
            f"commit {record.commit()}, "
            f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}; {box['cpu']}, "
            f"{box['cores']} cores shared with the load, Linux {box['kernel']}, {record.compiler()}"]

    def write(self, kind, stacks, unit, table, how):
        """`how`: lines that say what was done."""
        if not stacks:
            raise CantProfile(f"{kind}: nothing was recorded")
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / f"{self.service}-{self.queue}-{kind}"
        title = f"{self.service}, {self.queue} queue: {kind} ({record.commit()})"
        path.with_suffix(".svg").write_text(flamegraph.render(stacks, title, unit))
        path.with_suffix(".txt").write_text("\n".join([*self.head, *how, "", table]) + "\n")
        print(f"  {os.path.relpath(path)}.svg and .txt", flush=True)


def measured(loaded, work):
    """What `work` returns, and how fast messages were worked off meanwhile."""
    before, began = loaded.processed(), time.monotonic()
    result = work()
    rate = (loaded.processed() - before) / (time.monotonic() - began)
    return result, f"meanwhile {rate:,.0f} messages/s were worked off"


def cpu(loaded, shown, options, folder):
    (stacks, how), rate = measured(loaded, lambda: perf.record_cpu(loaded.pid, options.seconds, folder))
    shown.write("cpu", stacks, "samples", tables.hottest(stacks), [f"{how}; {rate}"])


def waits(loaded, shown, _options, folder):
    (found, how), rate = measured(loaded, lambda: perf.record_waits(loaded.pid, WAITS_S, folder))
    shown.write("waits", tables.wait_stacks(found), "µs", tables.waiters(found),
                [f"{how}, {WAITS_S} s; {rate}"])


def record_heap(service, queue, brokers, options, folder):
    raw = folder / "heap.raw"
    with system.Loaded(service, queue, brokers, heap.settings(raw)) as loaded:
        shown = Shown(service, queue, loaded, options.out)
        _, rate = measured(loaded, lambda: time.sleep(options.seconds))
        messages = loaded.end_load()
    allocations, peak, summary = heap.read(raw, folder)
    count = sum(allocations.values())
    how = [f"heaptrack, from start to exit; {rate}",
           "of functions that were inlined into each other the innermost comes first", *summary,
           f"{count / messages:.2f} allocations a message, what the start and the exit took included"]
    asked = tables.allocators(allocations)
    shown.write("heap", asked, "allocations", tables.hottest(asked, "allocations"), how)
    held = tables.allocators(peak)
    shown.write("heap-peak", held, "bytes", tables.hottest(held, "bytes"), how[:-1])


class Attempts:
    """Runs one after another, and remembers those that couldn't."""

    def __init__(self):
        self.failed = []

    def make(self, what, work, *arguments):
        try:
            work(*arguments)
        except (CantProfile, flamegraph.BadStacks, AssertionError, RuntimeError,
                system.field.servers.CantStart) as error:
            self.failed.append(f"{what}: {error}")
            print(f"NOT MADE: {self.failed[-1]}", file=sys.stderr, flush=True)


def profile(service, queue, brokers, options, attempts):
    print(f"{service}, {queue} queue", flush=True)
    name = f"{service}-{queue}"
    with tempfile.TemporaryDirectory(prefix="millrace-profile-") as place:
        folder = pathlib.Path(place)
        if {"cpu", "waits"} & set(options.kind):
            with system.Loaded(service, queue, brokers) as loaded:
                shown = Shown(service, queue, loaded, options.out)
                for kind, work in (("cpu", cpu), ("waits", waits)):
                    if kind in options.kind:
                        attempts.make(f"{name}-{kind}", work, loaded, shown, options, folder)
        if "heap" in options.kind:
            attempts.make(f"{name}-heap", record_heap, service, queue, brokers, options, folder)


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", nargs="*", metavar="SERVICE")
    parser.add_argument("--queue", default="memory")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    options.service = options.service or list(system.SERVICES)
    options.queue = options.queue.replace(",", " ").split()
    options.kind = options.kind or list(KINDS)
    for given, known in ((options.service, system.SERVICES), (options.queue, system.QUEUES)):
        for name in given:
            if name not in known:
                parser.error(f"there is no '{name}': choose from {', '.join(known)}")
    for tool in ("perf", "wrk"):
        if not shutil.which(tool):
            parser.exit(1, f"profile: {tool} isn't there: run 'scripts/install-deps.sh bench'\n")
    return options


def profile_all(queue, options, attempts):
    with system.field.Brokers(queue) as brokers:
        for service in options.service:
            attempts.make(f"{service}-{queue}", profile, service, queue, brokers, options, attempts)


def leave(number, _frame):
    sys.exit(128 + number)


def main():
    # So that services and load end with this.
    signal.signal(signal.SIGTERM, leave)
    options, attempts = parse(), Attempts()
    for queue in options.queue:
        attempts.make(f"{queue} queue", profile_all, queue, options, attempts)
    if attempts.failed:
        print(f"{len(attempts.failed)} were not made, as said above", file=sys.stderr)
    return 1 if attempts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
