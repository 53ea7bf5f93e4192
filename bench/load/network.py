#!/usr/bin/env python3
"""How the services use the network, in numbers that have limits: make test-network.

  bench/load/network.py [--runs 3] [--requests 100000]

For each case the three services are started anew, so that the first opening of every connection is in
the count, and open_loop sends to the gateway:

  steady          single messages at 5,000/s over 64 kept connections
  saturation      single messages over 64 kept connections, each as soon as it has its answer
  no keep-alive   single messages, a connection for each (a tenth of the requests)
  batches         NDJSON of 100 messages over 8 kept connections, as soon as they have their answer

What is counted comes from the services' own /metrics, before and after: connections accepted from the
client and opened to the next service per 100,000 requests (of the client), and messages per exchange
with the next service. System calls are counted by the kernel (perf stat, all threads of a service) and
given per message. These are counts, not times. Connections don't depend on how busy the machine is; messages
per exchange rise with the load, and system calls per message fall with them.

MILLRACE_BENCH names the folder of open_loop and the executables (build/release/bin)."""

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / folder) for folder in ("report", "e2e")]

import record  # noqa: E402  (the paths come first)
import systems  # noqa: E402
import exposition  # noqa: E402  (systems has put it on the path)

IO_THREADS = 2
SETTLED_S = 30
# A queue that is full would end the flow that is looked at.
SETTINGS = {"IO_THREADS": IO_THREADS, "QUEUE_SIZE": 1_000_000}

METHOD = """Each case and run has the services started anew, and open_loop sends to the gateway: steady,
single messages at 5,000/s over 64 connections; saturation, the same as fast as answers come; no
keep-alive, a connection for each; batches, NDJSON of 100 over 8. Connections and exchanges are those
of the services' /metrics, system calls those of all their threads by perf stat."""

CLIENT = "connections, client to gateway"
TO_INGEST = "connections, gateway to ingest"
TO_PROCESSOR = "connections, ingest to processor"
PER_INGEST = "messages per exchange, gateway to ingest"
PER_PROCESSOR = "messages per exchange, ingest to processor"
SYSCALLS = "system calls, all services"
UNITS = {CLIENT: "connections/100000 requests", TO_INGEST: "connections/100000 requests",
         TO_PROCESSOR: "connections/100000 requests", PER_INGEST: "messages/exchange",
         PER_PROCESSOR: "messages/exchange"}
PER_MESSAGE = "syscalls/message"


@dataclasses.dataclass
class Case:
    name: str
    connections: int
    arguments: list  # of open_loop
    share: float = 1  # of --requests
    requests_per_s: int = 0  # of an open loop; 0: a closed loop, which ends by time
    batch: int = 1

    def command(self, url, requests):
        rate = ["--rate", str(self.requests_per_s or "max")]
        # A closed loop has no count: it is given the time in which a slow machine has enough.
        seconds = requests * self.share / self.requests_per_s if self.requests_per_s else 3
        return [str(systems.BINARIES / "open_loop"), "--url", url, "--connections", str(self.connections),
                "--seconds", str(max(seconds, 0.5)), "--json", *rate, *self.arguments]


CASES = [
    Case("steady", 64, [], requests_per_s=5000),
    Case("saturation", 64, []),
    Case("no keep-alive", 64, ["--no-keep-alive"], share=0.1, requests_per_s=2000),
    Case("batches", 8, ["--batch", "100"], batch=100),
]


def limits(case, requests):
    """{figure: (least, most)} of a case in which the client made so many requests."""
    # open_loop opens one more, to see whether anybody is there.
    kept = (case.connections + 1) * 100_000 / requests
    opened = IO_THREADS * 100_000 / requests  # one for each thread and upstream
    found = {TO_INGEST: (0, opened), TO_PROCESSOR: (0, opened), CLIENT: (0, kept)}
    if case.name == "no keep-alive":
        # As many as requests, and those that stood ready for more: else the count itself is broken.
        found[CLIENT] = (100_000, 100_000 + kept)
    if case.name == "saturation":
        found[PER_INGEST] = found[PER_PROCESSOR] = (2, None)
        found[SYSCALLS] = (0, 12)
    if case.name == "batches":
        found[PER_INGEST] = found[PER_PROCESSOR] = (10, None)
        found[SYSCALLS] = (0, 1)
    return found


def broken(case, requests, figures):
    """A line for each figure beyond its limits."""
    lines = []
    for name, (least, most) in limits(case, requests).items():
        if name == SYSCALLS and name not in figures:
            continue  # main() says that they weren't counted
        value = figures[name]
        if value < least or (most is not None and value > most * 1.0001):
            allowed = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
            lines.append(f"{case.name}: {name}: {value:.2f}, allowed: {allowed}")
    return lines


def figures_of(before, after, requests, messages):
    """What grew between two readings of each service's samples."""
    def grown(service, metric, **labels):
        return after[service].total(metric, **labels) - before[service].total(metric, **labels)

    def exchanges(service):
        count = grown(service, "millrace_hop_batch_size_count")
        if count == 0:
            raise SystemExit(f"{service} counted no exchange with the next service")
        return count

    opened, accepted = "millrace_hop_connections_opened_total", "millrace_http_connections_accepted_total"
    per_100k = 100_000 / requests
    return {
        CLIENT: grown("api-gateway", accepted) * per_100k,
        TO_INGEST: grown("api-gateway", opened, hop="ingest") * per_100k,
        TO_PROCESSOR: grown("ingest", opened, hop="processor") * per_100k,
        PER_INGEST: messages / exchanges("api-gateway"),
        PER_PROCESSOR: messages / exchanges("ingest"),
    }


class Scraper:
    """Reads /metrics over one kept connection each, so that asking isn't in the count."""

    def __init__(self, millrace):
        self.links = {one.name: http.client.HTTPConnection("127.0.0.1", one.port, timeout=5)
                      for one in millrace.services}

    def one(self, name):
        self.links[name].request("GET", "/metrics")
        return exposition.Samples(self.links[name].getresponse().read().decode())

    def all(self):
        return {name: self.one(name) for name in self.links}

    def await_processed(self, messages):
        deadline = time.monotonic() + SETTLED_S
        while (done := self.one("processor").total("millrace_pool_processed_total")) != messages:
            if time.monotonic() > deadline:
                raise SystemExit(f"accepted {messages}, processed {done:.0f}")
            time.sleep(0.05)

    def close(self):
        for link in self.links.values():
            link.close()


class SyscallCount:
    """perf stat at one process, from attached to stop()."""

    EVENT = "raw_syscalls:sys_enter"

    def __init__(self, pid):
        self.process = subprocess.Popen(
            ["perf", "stat", "-x,", "-e", self.EVENT, "-p", str(pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "LC_ALL": "C"})
        threads = len(os.listdir(f"/proc/{pid}/task"))
        deadline = time.monotonic() + 5
        while self.process.poll() is None and self._attached() < threads:
            if time.monotonic() > deadline:
                break  # then what it says at the end is looked at
            time.sleep(0.01)

    def _attached(self):
        """How many counters perf has open."""
        count = 0
        for link in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                count += "perf_event" in os.readlink(link)
        return count

    def stop(self):
        """The count, or None and why not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.read(self.process.communicate(timeout=10)[1])

    @classmethod
    def read(cls, text):
        for line in text.splitlines():
            fields = line.split(",")
            if cls.EVENT in fields and fields[0].isdigit():
                return int(fields[0]), ""
        return None, " ".join(text.split())[:200]


def syscalls_can_be_counted():
    """Why not; empty when they can. Asked once, at this very process."""
    if shutil.which("perf") is None:
        return "perf is missing: run 'scripts/install-deps.sh bench'"
    count, why = SyscallCount(os.getpid()).stop()
    return "" if count is not None else f"perf says: {why}"


def load(case, millrace, requests):
    command = case.command(millrace.gateway.url, requests)
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not run.stdout:
        raise SystemExit(f"{case.name}: {run.stderr.strip()}")
    result = json.loads(run.stdout)
    good, sent = result["status"]["200"], result["sent"]
    if good != sent or sum(result["errors"].values()):
        raise SystemExit(f"{case.name}: {run.stderr.strip()}; {run.stdout}")
    return good, result["accepted_messages"]


def syscall_figures(counts, messages):
    calls = {}
    for name, counter in counts.items():
        count, why = counter.stop()
        if count is None:
            raise SystemExit(f"system calls of {name} weren't counted; perf says: {why}")
        calls[f"system calls, {name}"] = count / messages
    return {**calls, SYSCALLS: sum(calls.values())} if calls else {}


def measure(case, options, count_syscalls):
    """(figures, requests) of one run."""
    with systems.Millrace("memory", {}, os.sched_getaffinity(0), grpc=False, **SETTINGS) as millrace:
        scraper = Scraper(millrace)
        before = scraper.all()
        counts = {one.name: SyscallCount(one.process.pid)
                  for one in millrace.services if count_syscalls}
        requests, messages = load(case, millrace, options.requests)
        scraper.await_processed(messages)
        figures = figures_of(before, scraper.all(), requests, messages)
        figures.update(syscall_figures(counts, messages))
        scraper.close()
    return figures, requests


def show(case, figures_of_runs):
    print(f"\n{case.name}")
    for name in figures_of_runs[0]:
        values = [figures[name] for figures in figures_of_runs]
        print(f"  {name:45} {statistics.median(values):>12,.2f}  ({min(values):,.2f} to "
              f"{max(values):,.2f}) {UNITS.get(name, PER_MESSAGE)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="of each case, in turn (3)")
    parser.add_argument("--requests", type=int, default=100_000, help="of the steady case (100000)")
    options = parser.parse_args()
    why_not = syscalls_can_be_counted()
    rows, failures = {case.name: [] for case in CASES}, []
    for run in range(options.runs):
        for case in CASES:
            print(f"run {run + 1} of {options.runs}: {case.name}", file=sys.stderr, flush=True)
            figures, requests = measure(case, options, not why_not)
            rows[case.name].append(figures)
            failures += broken(case, requests, figures)
    kept = record.Record(
        "network", command=" ".join(["bench/load/network.py", *sys.argv[1:]]),
        method=METHOD + (f" System calls weren't counted: {why_not}." if why_not else ""))
    for case in CASES:
        show(case, rows[case.name])
        for name in rows[case.name][0]:
            kept.add(case.name, "millrace", name, UNITS.get(name, PER_MESSAGE),
                               [figures[name] for figures in rows[case.name]])
    print(f"\nkept in {kept.write().relative_to(ROOT)}")
    if why_not:
        print(f"SKIPPED: system calls weren't counted; {why_not}")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
