#!/usr/bin/env python3
"""Runs micro benchmarks in passes, prints a table for each suite and keeps the figures.

  bench/micro/run.py [--quick] [--passes N] [--go PROGRAM] [SUITE]...

A pass is one run of each contestant, in an order that is drawn anew: all of them meet the same
machine, and values of one pass can be compared. --quick makes it short, for a look; it keeps
nothing. MILLRACE_BENCH names the directory of the bench executables (build/release/bin)."""

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

import results  # noqa: E402  (the path comes first)
from record import Record  # noqa: E402

BENCH = pathlib.Path(os.environ.get("MILLRACE_BENCH", ROOT / "build" / "release" / "bin"))
SUITES = sorted(path.name.removesuffix("_bench.cpp") for path in HERE.glob("*_bench.cpp"))
GO_SUITES = ("ring", "pool")
METHOD = """{passes} passes; in each, every contestant of the suite for {seconds} s at least, in an order
drawn anew; a value is wall time divided by what was really done in it. Ratios are taken within a
pass. Load average when it began: {load:.2f}."""


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


def run(suite, options):
    passes = []
    load = os.getloadavg()[0]
    for number in range(options.passes):
        if sys.stderr.isatty():
            print(f"\r{suite}: pass {number + 1} of {options.passes} ", end="", file=sys.stderr)
        passes.append(one_pass(suite, options))
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    rows = results.rows_of(passes)
    print(f"{suite}, {options.passes} passes")
    print("\n".join(results.table(rows)))
    if options.quick:
        return
    record = Record(f"micro-{suite}", command=f"scripts/bench.sh {suite}",
                    method=METHOD.format(passes=options.passes, seconds=options.seconds, load=load))
    results.put_into(record, rows)
    print(f"kept in {record.write().relative_to(ROOT)}")


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
