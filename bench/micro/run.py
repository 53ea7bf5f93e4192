#!/usr/bin/env python3
"""Runs micro benchmarks in passes, prints a table for each suite and keeps the figures.

  bench/micro/run.py [--quick] [--passes N] [--go PROGRAM] [SUITE]...

A pass is one run of each contestant, in an order that is drawn anew: all of them meet the same
machine, and values of one pass can be compared. --quick makes it short, for a look; that, and
less than five passes, keeps nothing. MILLRACE_BENCH names the directory of the bench executables (build/release/bin)."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "bench" / "report"))

import build  # noqa: E402  (the path comes first)
import results  # noqa: E402
from record import RUNS_MIN, Record  # noqa: E402

BENCH = build.binaries()
SUITES = sorted(path.name.removesuffix("_bench.cpp") for path in HERE.glob("*_bench.cpp"))
GO_SUITES = ("ring", "pool")
METHOD = """{passes} passes; in each, every contestant of the suite for {seconds} s at least, in an order
drawn anew; a value is wall time divided by what was really done in it. Ratios are taken within a
pass. Load average when it began: {load:.2f}."""
WITH_GO = " What is written in Go runs after the others in each pass."
NOTES = {"ring": " Go's channel has no rows for batches: a channel has no batch."}
NO_GO = " Go wasn't there, and what is written in it is missing."


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def one_pass(suite, options):
    found = list(results.figures(output_of([
        str(BENCH / f"bench_{suite}"), "--benchmark_format=json",
        "--benchmark_enable_random_interleaving=true", f"--benchmark_min_time={options.seconds}"])))
    if options.go and suite in GO_SUITES:
        found += results.figures(output_of([options.go, suite]))
    return sorted(found, key=lambda figure: results.natural(figure[0]))


def method_of(suite, options):
    words = METHOD.format(passes=options.passes, seconds=options.seconds, load=os.getloadavg()[0])
    if suite not in GO_SUITES:
        return words
    return words + (WITH_GO + NOTES.get(suite, "") if options.go else NO_GO)


def run(suite, options):
    build.refresh(f"bench_{suite}")
    kept = Record(f"micro-{suite}", command=" ".join(["bench/micro/run.py", *sys.argv[1:]]),
                  method=method_of(suite, options))
    passes = []
    for number in range(options.passes):
        if sys.stderr.isatty():
            print(f"\r{suite}: pass {number + 1} of {options.passes} ", end="", file=sys.stderr)
        passes.append(one_pass(suite, options))
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    rows = results.rows_of(passes)
    print(f"{suite}, {options.passes} passes")
    print("\n".join(results.table(rows)))
    if options.quick or options.passes < RUNS_MIN:
        print(f"nothing is kept of a short look: that takes {RUNS_MIN} passes, and no --quick")
        return
    results.put_into(kept, rows)
    print(f"kept in {kept.write().relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--passes", type=int)
    parser.add_argument("--go", metavar="PROGRAM", help="bench/go, built")
    options = parser.parse_args()
    suites = [name.removeprefix("bench_") for name in options.suites] or SUITES
    unknown = sorted(set(suites) - set(SUITES))
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    options.passes = options.passes or (2 if options.quick else 7)
    options.seconds = 0.01 if options.quick else 0.1
    for suite in suites:
        run(suite, options)


if __name__ == "__main__":
    main()
