"""heaptrack: who allocates, and who holds what at the peak."""

import pathlib
import re
import subprocess

from perf import CantProfile

_FOLDER = pathlib.Path("/usr/lib/heaptrack")
PRELOAD = _FOLDER / "libheaptrack_preload.so"
_INTERPRET = _FOLDER / "libexec" / "heaptrack_interpret"


def settings(raw):
    """The environment in which an executable writes every allocation to the file `raw`."""
    if not PRELOAD.exists():
        raise CantProfile("heaptrack isn't there: run 'scripts/install-deps.sh bench'")
    # mimalloc has an operator new of its own, which heaptrack doesn't see: libstdc++'s, which calls
    # malloc, goes before it.
    return {"LD_PRELOAD": f"{PRELOAD}:libstdc++.so.6", "DUMP_HEAPTRACK_OUTPUT": raw}


def _stacks(data, folder, cost):
    """{stack: cost}. heaptrack writes them folded, and negative where more was freed than taken."""
    out = folder / f"{cost}.folded"
    done = subprocess.run(
        ["heaptrack_print", "-f", str(data), "-F", str(out), "--flamegraph-cost-type", cost,
         "-p0", "-a0", "-T0", "-l0"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CantProfile(f"heaptrack_print failed: {' '.join(done.stderr.split())[:300]}")
    return folded(out.read_text(errors="replace")), done.stdout


def folded(text):
    stacks = {}
    for line in text.splitlines():
        names, _, count = line.rpartition(" ")
        if names and re.fullmatch(r"\d+", count) and int(count):
            stack = tuple(names.strip(";").split(";"))
            stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def read(raw, folder):
    """({stack: allocations}, {stack: bytes at the peak}, heaptrack's own summary)"""
    data = folder / "heap.data"
    with raw.open("rb") as source, data.open("wb") as out:
        done = subprocess.run([str(_INTERPRET)], stdin=source, stdout=out, stderr=subprocess.PIPE,
                              check=False)
    if done.returncode:
        raise CantProfile(f"heaptrack_interpret failed: {done.stderr.decode()[:300]}")
    allocations, summary = _stacks(data, folder, "allocations")
    peak, _ = _stacks(data, folder, "peak")
    return allocations, peak, summary_of(summary)


def summary_of(text):
    wanted = ("calls to allocation functions", "peak heap memory consumption", "peak RSS",
              "temporary memory allocations", "total memory leaked")
    return [line.strip() for line in text.splitlines() if line.startswith(wanted)]
