#!/usr/bin/env python3
"""The gRPC server beside an empty one that was made with the same library and the same messages.

  bench/load/grpc/bench_grpc.py [--runs 5] [--seconds 3] [--messages 500000] [--bytes 200]

Both stay up, idle while the other is measured, and are loaded in turn: ours, theirs, ours, theirs.
Behind ours is the memory queue in a processor, with room for 100,000, which works everything off
meanwhile; "accepted" means that the queue has it. Unary calls come from ghz (closed loop, a deadline
of 2 s as clients have it), streams from grpc_stream_client. A rate is messages accepted over wall
time; a ratio is that of a pair of runs, and of all pairs the median is the figure, beside the least
and the greatest. CPU is that of the servers' processes, per message. At the end ours at half of its
median rate: of each run the percentile, of the runs the median. Acks are an open loop, timed from when a
message was due. Unary calls aren't: ghz sends them at that rate and times each from when it was really
sent, which leaves out what a standstill held back. All processes share the machine.

Figures of five runs and more go to results/raw/. MILLRACE_BENCH names the directory of the executables
(build/release/bin)."""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "bench" / "report")]

import build  # noqa: E402  (the path comes first)
import record  # noqa: E402

BENCH = build.binaries()
os.environ["MILLRACE_BIN"] = str(BENCH)

from service import Service, free_port, until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
GHZ = CACHE / "millrace" / "tools" / "ghz"
PROTO = ROOT / "api" / "proto" / "diplom" / "v1" / "diplom.proto"
TICKS = os.sysconf("SC_CLK_TCK")
WANTED = {"unary": 0.7, "stream": 0.6}
P99_WANTED_MS = 10


class Ours:
    name = "millrace"

    def __init__(self, stack):
        self.processor = stack.enter_context(contextlib.closing(
            Closable("processor", {"QUEUE_SIZE": 100_000})))
        self.port = free_port()
        self.server = stack.enter_context(contextlib.closing(Closable(
            "grpc-server", {"GRPC_PORT": self.port, "PROCESSOR_URL": self.processor.url})))
        self.pids = [self.processor.process.pid, self.server.process.pid]

    def settle(self):
        """Until all that was accepted is worked off."""
        accepted = self.server.get_json("/stats")["TotalSent"]
        until("all is worked off",
              lambda: self.processor.get_json("/stats")["pool"]["processed"] >= accepted, 30)


class Closable(Service):
    def __init__(self, name, settings=None):
        super().__init__(name, {"LOG_LEVEL": "warn", **(settings or {})})
        self.start()

    def close(self):
        self.stop()
        self.discard()


class Theirs:
    name = "empty"

    def __init__(self, stack):
        self.port = free_port()
        process = subprocess.Popen([BENCH / "grpc_echo_server", str(self.port)])
        stack.callback(process.kill)
        self.pids = [process.pid]

    def settle(self):
        pass


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def output_of(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


class Unary:
    kind = "unary"
    timed = "from the send"

    def __init__(self, options, concurrency):
        self.name = f"unary, {concurrency} at once"
        self.options = options
        self.concurrency = concurrency

    def ghz(self, server, *more):
        data = json.dumps({"source": "bench", "data": "eHh4" * (self.options.bytes // 3)})
        report = json.loads(output_of(
            [GHZ, "--insecure", "--proto", PROTO, "--call", "diplom.v1.IngestService.Ingest", "-d",
             data, "-c", self.concurrency, "--timeout", "2s", "-O", "json", *more,
             f"127.0.0.1:{server.port}"]))
        codes = report["statusCodeDistribution"]
        # Calls that the end of the time cut off are the client's doing: one for each at once, and
        # one more where it was cut off between two.
        others = {code: count for code, count in codes.items() if code != "OK"}
        cut_off = others.pop("Unavailable", 0) + others.pop("Canceled", 0)
        if others or cut_off > 2 * self.concurrency:
            raise SystemExit(f"{server.name}: {codes}")
        return report, codes.get("OK", 0)

    def run(self, server):
        report, accepted = self.ghz(server, "-z", f"{self.options.seconds}s")
        return accepted, report["total"] / 1e9

    def latencies(self, server, rate):
        report, _ = self.ghz(server, "-z", f"{2 * self.options.seconds}s", "--rps", int(rate))
        return {entry["percentage"]: entry["latency"] / 1e6
                for entry in report["latencyDistribution"]}


class Stream:
    kind = "stream"
    timed = "from when it was due"

    def __init__(self, options, streams, a_write, call="stream"):
        self.name = f"{call}, {streams} stream{'s'[:streams > 1]}, {a_write} a write"
        self.options = options
        self.arguments = (streams, options.bytes, a_write)
        self.call = call

    def client(self, server, messages, *more):
        return json.loads(output_of([BENCH / "grpc_stream_client", f"127.0.0.1:{server.port}",
                                     self.call, messages, *self.arguments, *more]))

    def run(self, server):
        result = self.client(server, self.options.messages)
        return result["accepted"], result["seconds"]

    def latencies(self, server, rate):
        result = self.client(server, int(rate * 2 * self.options.seconds), rate)
        return {50: result["p50_ms"], 99: result["p99_ms"]}


def measure(work, server):
    before = cpu_seconds(server.pids)
    messages, seconds = work.run(server)
    server.settle()
    return messages / seconds, (cpu_seconds(server.pids) - before) / messages * 1e6


def compare(work, ours, theirs, runs, results):
    """Prints the table's line; returns our median rate and whether it is enough."""
    for server in (ours, theirs):
        measure(work, server)  # warm
    pairs = []
    for run in range(runs):
        progress(f"{work.name}: run {run + 1} of {runs}")
        pairs.append((measure(work, ours), measure(work, theirs)))
    progress("")
    for name, runs_of in zip(("millrace", "an empty server"), zip(*pairs)):
        results.add(work.name, name, "accepted", "messages/s", [rate for rate, _ in runs_of])
        results.add(work.name, name, "CPU per message", "µs", [cpu for _, cpu in runs_of])
    ratios = sorted(mine[0] / other[0] for mine, other in pairs)
    ratio = statistics.median(ratios)
    rate = statistics.median(mine[0] for mine, _ in pairs)
    print(f"{work.name:<30} {rate:>9,.0f} {statistics.median(o[0] for _, o in pairs):>9,.0f}"
          f"   {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})  {WANTED[work.kind]:.2f}"
          f"   {statistics.median(m[1] for m, _ in pairs):>6.1f}"
          f" {statistics.median(o[1] for _, o in pairs):>6.1f}", flush=True)
    return rate, ratio >= WANTED[work.kind]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:<70}\r", end="", file=sys.stderr, flush=True)


def at_half(work, server, rate, runs, results):
    found = []
    for run in range(runs):
        progress(f"{work.name} at half: run {run + 1} of {runs}")
        found.append(work.latencies(server, rate))
        server.settle()
    progress("")
    for share in (50, 99):
        results.add(work.name, "millrace", f"p{share} until accepted", "ms",
                    [latencies[share] for latencies in found], rate=f"half of saturation, {work.timed}")
    p99 = sorted(latencies[99] for latencies in found)
    print(f"{work.name:<30} at {rate:>8,.0f}/s, {work.timed}: "
          f"p50 {statistics.median(latencies[50] for latencies in found):.2f} ms, "
          f"p99 {statistics.median(p99):.2f} ({p99[0]:.2f} to {p99[-1]:.2f}) ms "
          f"(wanted: below {P99_WANTED_MS})", flush=True)
    return statistics.median(p99) < P99_WANTED_MS


def keep(results, runs):
    if runs < record.RUNS_MIN:
        print(f"\nnothing is kept of {runs} runs: that takes {record.RUNS_MIN}")
    else:
        print(f"\nkept in {results.write().relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of a run of unary calls")
    parser.add_argument("--messages", type=int, default=500_000, help="of a run of streams")
    parser.add_argument("--bytes", type=int, default=200, help="of a message's data")
    options = parser.parse_args()
    options.seconds = int(options.seconds)
    build.refresh("processor", "grpc-server", "grpc_echo_server", "grpc_stream_client")
    unary = [Unary(options, 50), Unary(options, 200)]
    streams = [Stream(options, 1, 1), Stream(options, 4, 1), Stream(options, 1, 16),
               Stream(options, 4, 16), Stream(options, 1, 16, "acks")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
          f"{options.bytes} bytes; medians of {options.runs} pairs, {time.strftime('%Y-%m-%d')}\n")
    print(f"{'messages/s':<30} {'millrace':>9} {'empty':>9}   ratio, spread{'':<9} wanted "
          f"  us CPU: millrace, empty")
    command = " ".join(["bench/load/grpc/bench_grpc.py", *sys.argv[1:]])
    results = record.Record("grpc", command=command, method=__doc__.split("\n\n")[2])
    with contextlib.ExitStack() as stack:
        theirs, ours = Theirs(stack), Ours(stack)
        rates = {}
        enough = []
        for work in unary + streams:
            rates[work], good = compare(work, ours, theirs, options.runs, results)
            enough.append(good)
        print()
        acks = streams[-1]
        for work in (unary[0], acks):
            enough.append(at_half(work, ours, rates[work] / 2, options.runs, results))
    keep(results, options.runs)
    if not all(enough):
        print(f"\n{enough.count(False)} of {len(enough)} fall short")


if __name__ == "__main__":
    main()
