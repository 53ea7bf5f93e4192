"""The one form in which every benchmark of this project keeps its figures: a JSON file in results/raw/
per run of a suite, which everything that is shown is made from (see bench/report/README.md).

    record = Record("pipeline-memory", command="make bench-e2e", method="...", layout="shared")
    record.add("single POST / memory", "millrace", "accepted and worked off", "messages/s", [58_112, ...])
    record.add("single POST / memory", "nginx proxy", "accepted and worked off", "messages/s", [64_300, ...])
    path = record.write()

A row is one measure of one contestant under one subject. `runs` holds the value of each run, unrounded,
in the order they were made: contestants that were measured in turn share an index, so that a ratio can
be taken within a pair; a row that wasn't says paired=False. Units that rise with quality name themselves
in HIGHER_IS_BETTER. Variant, compiler and commit are those of the build that MILLRACE_BENCH names (or
build/release/bin), and "unknown" when it is none of this tree."""

import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import build

ROOT = build.ROOT
RAW = ROOT / "results" / "raw"
SCHEMA = 1
# With fewer, a target is neither met nor missed.
RUNS_MIN = 5
HIGHER_IS_BETTER = {"messages/s", "requests/s", "MB/s", "messages/exchange"}


def _output(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    """The short hash, with a + when tracked files differ from it."""
    name = _output("git", "rev-parse", "--short=7", "HEAD") or "unknown"
    dirty = _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    return name + "+" if dirty else name


def _first(path, pattern):
    match = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    return match.group(1).strip() if match else "unknown"


def machine():
    return {
        "cpu": _first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(_first("/proc/meminfo", r"^MemTotal:\s*(\d+)")) // 1024,
        "kernel": platform.release(),
        "virtual": "hypervisor" in _first("/proc/cpuinfo", r"^flags\s*:\s*(.*)$").split(),
    }


def compiler():
    """What made the executables that are measured."""
    made = build.of()
    return made.compiler if made else "unknown"


def provenance():
    """(variant, compiler, commit) of the executables that are measured."""
    made = build.of()
    if made:
        return made.variant, made.compiler, commit()
    print(f"record: {build.binaries()} is no build of this tree: variant, compiler and commit are "
          "recorded as unknown", file=sys.stderr)
    return "unknown", "unknown", "unknown"


def _word(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class Record:
    def __init__(self, suite, command, method, layout="shared", variant=""):
        """`layout`: who shares which cores. `variant`: what sets this run apart from others of its
        suite, if not the build's preset."""
        preset, compiler_of_build, commit_of_build = provenance()
        self.fields = {
            "schema": SCHEMA,
            "suite": suite,
            "commit": commit_of_build,
            "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(),
            "compiler": compiler_of_build,
            "variant": variant or preset,
            "layout": layout,
            "command": command,
            "method": " ".join(method.split()),
            "rows": [],
        }

    def add(self, subject, contestant, measure, unit, runs, *, paired=True, **conditions):
        """`paired`: run by run in turn with the other contestants. `conditions`: what else a reader
        must know of this row, such as rate="10000/s"."""
        values = [float(value) for value in runs]
        if not values:
            raise ValueError(f"{subject}, {contestant}: a row without a run")
        row = {"subject": subject, "contestant": contestant, "measure": measure, "unit": unit,
               "better": "higher" if unit in HIGHER_IS_BETTER else "lower", "runs": values}
        if not paired:
            row["paired"] = False
        if conditions:
            row["conditions"] = conditions
        self.fields["rows"].append(row)

    def name(self):
        fields = self.fields
        box = _word(fields["machine"]["cpu"].split("@")[0])[:24].strip("-")
        return "_".join((fields["suite"], fields["commit"], f"{box}-{fields['machine']['cores']}c",
                         _word(f"{fields['variant']}-{fields['layout']}"),
                         re.sub(r"[-:]", "", fields["time"]),
                         _word(re.sub(r"\(.*?\)", "", fields["compiler"])))) + ".json"

    def write(self, folder=RAW):
        """The path of the file. Nothing is written for a record without rows."""
        if not self.fields["rows"]:
            raise ValueError(f"{self.fields['suite']}: nothing was measured")
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.name()
        rows = ",\n  ".join(json.dumps(row) for row in self.fields["rows"])
        head = json.dumps({key: value for key, value in self.fields.items() if key != "rows"}, indent=1)
        path.write_text(f'{head[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n')
        return path
