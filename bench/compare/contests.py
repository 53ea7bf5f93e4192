"""What can be compared: each contest runs one side once and returns {Figure: value}."""

import collections
import contextlib
import json
import os
import re
import subprocess
import sys

from base_tree import ROOT, CantCompare

for folder in ("e2e", "report"):
    sys.path.insert(0, str(ROOT / "bench" / folder))

import record  # noqa: E402  (the paths come first)
import systems  # noqa: E402

# better: "higher" or "lower"
Figure = collections.namedtuple("Figure", "name unit better")
_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def _time_of(entry):
    """(unit, wall time): per item where the benchmark counts them by the wall clock, as ours do."""
    if "items_per_second" in entry and re.search(r"/(real|manual)_time\b", entry["name"]):
        return f"ns/{entry.get('label') or 'item'}", 1e9 / entry["items_per_second"]
    return "ns", entry["real_time"] * _NS[entry["time_unit"]]


def _counters_of(entry):
    found = {}
    for key, value in entry.items():
        match = re.fullmatch(r"(.+) \[(.+)\]", key)
        if match:
            better = "higher" if match.group(2) in record.HIGHER_IS_BETTER else "lower"
            found[Figure(f"{entry['name']} {match.group(1)}", match.group(2), better)] = value
    return found


def figures_of(report):
    """What one run of a Google Benchmark executable measured: a time, and the counters that say their
    unit, as "p99 [us]" does."""
    found = {}
    for entry in report["benchmarks"]:
        if entry.get("error_occurred"):
            raise CantCompare(f"{entry['name']} failed: {entry.get('error_message', 'no reason given')}")
        if entry.get("run_type") == "aggregate":
            continue
        counted = _counters_of(entry)
        found |= counted
        # Where counters are all that a benchmark is about, its own time says nothing.
        if "items_per_second" in entry or not counted:
            unit, value = _time_of(entry)
            found[Figure(entry["name"], unit, "lower")] = value
    return found


class Micro:
    """bench/micro's executable of that name."""

    def __init__(self, name, options):
        self.targets = [f"bench_{name}"]
        self.arguments = ["--benchmark_format=json", f"--benchmark_min_time={options.min_time_s}",
                          f"--benchmark_filter={options.filter}"]

    def start(self, binaries):
        self.binaries = binaries

    def measure(self, side):
        command = [self.binaries[side] / self.targets[0], *self.arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False)
        try:
            return figures_of(json.loads(done.stdout))
        except ValueError:
            said = " ".join((done.stderr or done.stdout).split())[:200]
            raise CantCompare(f"{side}: {self.targets[0]} measured nothing: {said}") from None

    def stop(self):
        pass


def wrk(url, seconds):
    """What report.lua prints: requests, seconds, latencies and errors of 32 connections."""
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", ROOT / "bench" / "load" / "report.lua", url]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    found = re.search(r"RESULT (.*)", done.stdout)
    if not found:
        raise CantCompare(f"wrk measured nothing: {' '.join(done.stderr.split())[:200]}")
    return json.loads(found.group(1))


class Pipeline:
    """Single POSTs by wrk through gateway, ingest and processor. Both sides stay up, idle while the
    other is measured."""

    targets = ["processor", "ingest", "api-gateway"]

    def __init__(self, options):
        self.seconds = options.seconds
        self.running = contextlib.ExitStack()
        self.sides = {}

    def start(self, binaries):
        for side, folder in binaries.items():
            with systems.executables_of(folder):
                self.sides[side] = self.running.enter_context(
                    systems.Millrace("memory", {}, os.sched_getaffinity(0), grpc=False))
        for one in self.sides.values():
            wrk(one.urls["single"], 1)

    def measure(self, side):
        one = self.sides[side]
        self.settle(side)
        cpu_s = systems.cpu_seconds(one.pids)
        result = wrk(one.urls["single"], self.seconds)
        errors = sum(result[kind] for kind in ("connect", "read", "write", "timeout", "status"))
        if errors or not result["requests"]:
            raise CantCompare(f"{side}: {errors} of {result['requests']} requests failed; is the machine "
                              "busy with something else?")
        self.settle(side)
        return {Figure("single POST, accepted", "messages/s", "higher"):
                    result["requests"] / result["seconds"],
                Figure("single POST, p99 (closed loop)", "µs", "lower"): result["p99_us"],
                Figure("single POST, CPU of all three", "µs/message", "lower"):
                    (systems.cpu_seconds(one.pids) - cpu_s) / result["requests"] * 1e6}

    def settle(self, side):
        try:
            self.sides[side].settle()
        except (AssertionError, RuntimeError) as error:
            raise CantCompare(f"{side}: {error}") from None

    def stop(self):
        self.running.close()


def named(suite, options):
    if suite == "pipeline":
        return Pipeline(options)
    known = {path.name.removesuffix("_bench.cpp")
             for path in (ROOT / "bench" / "micro").glob("*_bench.cpp")}
    if suite not in known:
        raise CantCompare(f"there is no suite '{suite}': SUITE is pipeline, "
                          f"{', '.join(sorted(known))}")
    return Micro(suite, options)
