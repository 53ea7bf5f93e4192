"""The sweep over backlogs: the memory queue by itself, filled and emptied by backlog_bench."""

import json
import pathlib
import re
import statistics
import subprocess

import systems
from session import in_turn, progress

POINTS = [10 ** power for power in range(3, 8)]
X_NAME = "messages waiting"
# Of one small message with its place in the ring, as measured: ten million take 2.5 GB.
BYTES_A_MESSAGE = 250
# A small backlog is filled until there is something to measure.
MESSAGES_A_RUN = 1_000_000
MEASURES = {"publish_ns": "CPU to publish a message", "take_and_ack_ns": "CPU to take and ack a message"}


def available_bytes(meminfo):
    return int(re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE).group(1)) * 1024


def affordable(points, available):
    """(those there is memory for, what to say of the others)"""
    fit = [x for x in points if x * BYTES_A_MESSAGE <= available / 2]
    left_out = [f"{x:,} {X_NAME} are left out: they take {x * BYTES_A_MESSAGE / 1e9:.1f} GB, and half of "
                f"the {available / 1e9:.1f} GB that are free is the limit"
                for x in points if x not in fit]
    return fit, left_out


def _once(messages):
    rounds = max(1, MESSAGES_A_RUN // messages)
    done = subprocess.run([systems.BINARIES / "backlog_bench", str(messages), str(rounds)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"backlog_bench failed: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def points_here():
    """affordable(), on this machine now."""
    return affordable(POINTS, available_bytes(pathlib.Path("/proc/meminfo").read_text()))


def run(points, results, options):
    found = {x: [] for x in points}
    for number in range(options.runs):
        for x in in_turn(points, number):
            found[x].append(_once(x))
    for x, runs in found.items():
        for key, measure in MEASURES.items():
            results.add(f"sweep: {X_NAME}", "millrace", measure, "ns", [one[key] for one in runs], x=x,
                        x_name=X_NAME)
        progress(f"  {x:>10,} {X_NAME}: " + ", ".join(
            f"{measure} {statistics.median(one[key] for one in runs):.1f} ns"
            for key, measure in MEASURES.items()))
