"""What is sent, and what came of it."""

import json
import subprocess
import time

from systems import BINARIES, cpu_seconds, on_cores

BATCH = 1000
CONNECTIONS = {"single": 32, "ingest": 32, "batch": 4}


def _output_of(command, cores):
    with on_cores(cores):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False, timeout=600)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}") from None


def http(url, kind, cores, seconds, rate="max", ours=True, payload_bytes=64, connections=None,
         batch=BATCH):
    """What open_loop reports. `rate`: requests/s from the outside, or "max": as answers come."""
    command = [BINARIES / "open_loop", "--json", "--url", url, "--rate", rate, "--seconds", seconds,
               "--connections", connections or CONNECTIONS[kind], "--payload-bytes", payload_bytes]
    if kind == "batch":
        command += ["--batch", batch]
    if not ours:
        command += ["--expect", ""]
    return _output_of(command, cores)


def stream(port, cores, messages, a_write):
    """What grpc_stream_client reports, of one stream."""
    return _output_of([BINARIES / "grpc_stream_client", f"127.0.0.1:{port}", "stream", messages, 1, 64,
                       a_write], cores)


def failures(report):
    """Of open_loop: requests that weren't answered well."""
    status = report["status"]
    return sum(report["errors"].values()) + sum(
        count for name, count in status.items() if name != "200")


class Measured:
    """One run: messages worked off (or answered) per second, and CPU of the servers per message."""

    def __init__(self, system, send):
        """`send` returns (messages accepted, seconds it took, the report)."""
        cpu_before, settled_before = cpu_seconds(system.pids), system.settle()
        messages, seconds, self.report = send()
        sent = time.monotonic()
        settled = system.settle()
        if settled is not None:
            seconds += time.monotonic() - sent
            if settled - settled_before < messages:
                raise SystemExit(f"{system.name}: {messages:,} were accepted, "
                                 f"{settled - settled_before:,} worked off")
            messages = settled - settled_before
        if messages == 0:
            raise SystemExit("nothing was accepted")
        self.rate = messages / seconds
        self.cpu_us = (cpu_seconds(system.pids) - cpu_before) / messages * 1e6
