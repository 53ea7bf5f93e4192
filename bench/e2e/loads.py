"""What is sent, and what came of it."""

import json
import subprocess
import time

from systems import BINARIES, cpu_seconds, on_cores

BATCH = 1000
PAYLOAD_BYTES = 64
CONNECTIONS = {"single": 32, "ingest": 32, "batch": 4}


def _output_of(command, cores):
    """What it reports as JSON; under "complaint" what it found amiss, or nothing."""
    with on_cores(cores):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False, timeout=600)
    try:
        return {**json.loads(done.stdout), "complaint": done.stderr.strip()}
    except ValueError:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}") from None


def http(url, kind, cores, seconds, rate="max", ours=True, payload_bytes=PAYLOAD_BYTES,
         connections=None, batch=BATCH):
    """What open_loop reports. `rate`: requests/s from the outside, or "max": as answers come."""
    command = [BINARIES / "open_loop", "--json", "--url", url, "--rate", rate, "--seconds", seconds,
               "--connections", connections or CONNECTIONS[kind], "--payload-bytes", payload_bytes]
    if kind == "batch":
        command += ["--batch", batch]
    if not ours:
        command += ["--expect", ""]
    return _output_of(command, cores)


def stream(port, cores, messages, a_write):
    """What grpc_stream_client reports, of one stream. The clock runs from before it starts."""
    began = time.monotonic()
    report = _output_of([BINARIES / "grpc_stream_client", f"127.0.0.1:{port}", "stream", messages, 1,
                         PAYLOAD_BYTES, a_write], cores)
    return {**report, "accepted_messages": report["accepted"], "began_s": began,
            "ended_s": time.monotonic()}


def failures(report):
    """Of open_loop: requests that weren't answered well."""
    return sum(report["errors"].values()) + sum(
        count for name, count in report["status"].items() if name != "200")


class Measured:
    """One run: messages accepted and worked off (of a peer: answered) per second, and CPU of the servers
    per message. One clock runs from the first request until the last message is worked off."""

    def __init__(self, system, send):
        """`send` returns the report, with accepted_messages, began_s and ended_s."""
        cpu_before, settled_before = cpu_seconds(system.pids), system.settle()
        self.report = send()
        messages, ended = self.report["accepted_messages"], self.report["ended_s"]
        settled = system.settle()
        if settled is not None:
            ended = time.monotonic()
            if settled - settled_before < messages:
                raise RuntimeError(f"{system.name}: {messages:,} were accepted, "
                                   f"{settled - settled_before:,} worked off")
        if messages == 0:
            raise RuntimeError(f"nothing was accepted: {self.report['complaint']}")
        self.rate = messages / (ended - self.report["began_s"])
        self.cpu_us = (cpu_seconds(system.pids) - cpu_before) / messages * 1e6
