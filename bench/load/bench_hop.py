#!/usr/bin/env python3
"""Single POSTs through the real gateway, ingest and processor, beside nginx as a plain proxy.

Method: both systems stay up, idle while the other is measured. wrk (1 thread, 32 connections) loads
each in turn, A B A B ..., so that a drifting machine hits both alike; every pair gives one ratio, and
the median ratio with its spread is the figure. wrk is closed-loop: its latencies are those of a
client that waits, not of a constant arrival rate. All processes share the machine's cores with wrk.
A rate is requests answered divided by wall time.

At the end: every accepted message must have been processed, then a soak watches resident memory, and
the idle services' CPU time is measured.
"""

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONNECTIONS = 32


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def wait_ready(url, deadline_s=5.0):
    """Seconds until `url` answers 200."""
    began = time.monotonic()
    while time.monotonic() - began < deadline_s:
        try:
            get(url)
            return time.monotonic() - began
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"{url} did not become ready within {deadline_s} s")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match.group(1)) / 1024


class Millrace:
    NAMES = ("processor", "ingest", "api-gateway")

    def __init__(self, binaries, folder):
        self.gateway, self.ingest, self.processor = free_ports(3)
        settings = dict(
            os.environ,
            API_PORT=str(self.gateway),
            INGEST_PORT=str(self.ingest),
            PROCESSOR_PORT=str(self.processor),
            INGEST_URL=f"http://127.0.0.1:{self.ingest}",
            PROCESSOR_URL=f"http://127.0.0.1:{self.processor}",
            BIND_ADDRESS="127.0.0.1",
            LOG_LEVEL="warn",
        )
        ports = dict(zip(self.NAMES, (self.processor, self.ingest, self.gateway)))
        self.start_ms = {}
        self.processes = {}
        for name in self.NAMES:
            with open(Path(folder) / f"{name}.log", "wb") as log:
                self.processes[name] = subprocess.Popen(
                    [str(Path(binaries).resolve() / name)], cwd=folder, env=settings, stderr=log
                )
            try:
                ready_s = wait_ready(f"http://127.0.0.1:{ports[name]}/readyz")
            except SystemExit:
                self.stop()
                raise
            self.start_ms[name] = ready_s * 1000
        self.url = f"http://127.0.0.1:{self.gateway}/api/v1/ingest"

    def status(self):
        return json.loads(get(f"http://127.0.0.1:{self.gateway}/api/v1/status"))

    def settled(self, deadline_s=10.0):
        """(accepted, processed) once they are equal, or as they are at the deadline."""
        began = time.monotonic()
        while True:
            status = self.status()
            accepted = status["ingest"]["stats"]["TotalSent"]
            processed = status["processor"]["stats"]["pool"]["processed"]
            if accepted == processed or time.monotonic() - began > deadline_s:
                return accepted, processed
            time.sleep(0.05)

    def cpu(self):
        return sum(cpu_seconds(p.pid) for p in self.processes.values())

    def memory(self):
        return {name: resident_mb(p.pid) for name, p in self.processes.items()}

    def stop(self):
        """In flow order; the exit codes by name."""
        codes = {}
        for name, process in reversed(self.processes.items()):
            process.terminate()
            codes[name] = process.wait(timeout=40)
        return codes


class Nginx:
    def __init__(self, folder):
        backend, proxy = free_ports(2)
        text = (HERE / "nginx.conf.in").read_text()
        for key, value in (("DIR", folder), ("BACKEND", backend), ("PROXY", proxy)):
            text = text.replace(f"@{key}@", str(value))
        config = Path(folder) / "nginx.conf"
        config.write_text(text)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(
            [nginx, "-p", str(folder), "-c", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.url = f"http://127.0.0.1:{proxy}/"
        wait_ready(self.url)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def wrk(url, seconds):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "report.lua"), url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = json.loads(re.search(r"RESULT (.*)", output).group(1))
    result["per_s"] = result["requests"] / result["seconds"]
    result["errors"] = sum(
        result[kind] for kind in ("connect", "read", "write", "timeout", "status"))
    return result


def spread(values, digits=0):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def measure(millrace, nginx, options):
    pairs = []
    wrk(nginx.url, 1)
    wrk(millrace.url, 1)
    print(f"{'run':>3} {'nginx proxy/s':>14} {'p99 ms':>7} {'Millrace/s':>11} {'p99 ms':>7} "
          f"{'errors':>6} {'CPU us/msg':>10} {'ratio':>6}")
    for run in range(1, options.runs + 1):
        theirs = wrk(nginx.url, options.seconds)
        cpu = millrace.cpu()
        ours = wrk(millrace.url, options.seconds)
        ours["cpu_us"] = (millrace.cpu() - cpu) / ours["requests"] * 1e6
        pairs.append((theirs, ours))
        print(f"{run:>3} {theirs['per_s']:>14,.0f} {theirs['p99_us'] / 1000:>7.2f} "
              f"{ours['per_s']:>11,.0f} {ours['p99_us'] / 1000:>7.2f} {ours['errors']:>6} "
              f"{ours['cpu_us']:>10.1f} {ours['per_s'] / theirs['per_s']:>6.2f}", flush=True)
    return pairs


def soak(millrace, messages):
    """Resident memory after the first tenth and at the end of `messages`."""
    sent = 0
    first = None
    while sent < messages:
        sent += wrk(millrace.url, 10)["requests"]
        if first is None and sent >= messages / 10:
            first = millrace.memory()
        print(f"  soak: {sent:,} of {messages:,} messages", file=sys.stderr, flush=True)
    return sent, first or millrace.memory(), millrace.memory()


def idle_cpu_percent(millrace, seconds):
    before = {name: cpu_seconds(p.pid) for name, p in millrace.processes.items()}
    time.sleep(seconds)
    return {name: (cpu_seconds(p.pid) - before[name]) / seconds * 100
            for name, p in millrace.processes.items()}


def by_name(values, pattern):
    return ", ".join(f"{name} " + pattern.format(value) for name, value in values.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=str(ROOT / "bin"), help="folder of the executables")
    parser.add_argument("--runs", type=int, default=5, help="alternating pairs (5)")
    parser.add_argument("--seconds", type=int, default=10, help="of one run (10)")
    parser.add_argument("--soak", type=int, default=5_000_000,
                        help="messages over which memory is watched (5000000; 0: none)")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores shared with wrk, "
          f"{CONNECTIONS} connections, {options.runs} alternating runs of {options.seconds} s")
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        nginx = Nginx(folder)
        try:
            millrace = Millrace(options.bin, folder)
            failures = report(millrace, nginx, options)
        finally:
            nginx.stop()
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def report(millrace, nginx, options):
    failures = []
    try:
        pairs = measure(millrace, nginx, options)
        ratios = [ours["per_s"] / theirs["per_s"] for theirs, ours in pairs]
        p99_ms = [ours["p99_us"] / 1000 for _, ours in pairs]
        errors = sum(ours["errors"] for _, ours in pairs)
        accepted, processed = millrace.settled()
        print(f"ratio to nginx proxy: {spread(ratios, 2)}   wanted: at least 0.50")
        print(f"messages/s:           {spread([ours['per_s'] for _, ours in pairs])}")
        print(f"p99 ms:               {spread(p99_ms, 2)}   wanted: under 5")
        print(f"accepted {accepted:,}, processed {processed:,}, errors {errors}")
        if statistics.median(ratios) < 0.5:
            failures.append("the ratio is below 0.50")
        if statistics.median(p99_ms) >= 5:
            failures.append("p99 is 5 ms or more")
        if errors:
            failures.append(f"{errors} requests failed")
        if accepted != processed:
            failures.append(f"accepted {accepted}, processed {processed}")
        if options.soak:
            sent, early, late = soak(millrace, options.soak)
            growth = {name: late[name] - early[name] for name in late}
            print(f"resident MB after {sent:,} more messages: {by_name(late, '{:.1f}')}; "
                  f"since a tenth of them: {by_name(growth, '{:+.1f}')}")
            if max(late.values()) >= 40:
                failures.append("an executable has 40 MB or more resident")
            if max(growth.values()) > 2:
                failures.append("memory grew by more than 2 MB")
        idle = idle_cpu_percent(millrace, 5)
        print(f"idle CPU %: {by_name(idle, '{:.2f}')}")
        if max(idle.values()) >= 1:
            failures.append("an idle service uses 1 % CPU or more")
        print(f"start to ready, ms: {by_name(millrace.start_ms, '{:.0f}')}")
        if max(millrace.start_ms.values()) >= 200:
            failures.append("a service took 200 ms or more to be ready")
    finally:
        codes = millrace.stop()
    if any(codes.values()):
        failures.append(f"exit codes {codes}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
