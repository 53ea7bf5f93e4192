#!/usr/bin/python3 -B
"""Breaks everything that can break, with load going on, and compares ids: nothing accepted is lost.

  tests/chaos/chaos.py [--queue nats|kafka|composite]... [--only WORDS] [--quick] [--report FILE]

Prints a line of figures for each scenario and, with --report, writes them as JSON. Exit code 1 when
anything was lost or a scenario didn't come to its end. MILLRACE_BIN names the executables."""

import argparse
import dataclasses
import json
import pathlib
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import field  # noqa: E402
import scenarios  # noqa: E402

COLUMNS = ("accepted", "refused", "unknown", "worked_off", "failed", "lost", "duplicates",
           "slowest_answer_s", "seconds")


def line(queue, name, values, verdict):
    cells = "".join(f"{value!s:>{max(len(column), 8) + 2}}"
                    for column, value in zip(COLUMNS, values))
    return f"{queue:10}{name:26}{cells}  {verdict}"


def run_one(queue, brokers, name, quick):
    brokers.heal()
    try:
        figures = scenarios.SCENARIOS[name](queue, brokers, quick)
    except Exception as error:  # the next scenarios still count
        traceback.print_exc()
        figures = field.Figures(notes={"error": f"{type(error).__name__}: {error}"[:2000]})
    good = not (figures.lost or figures.wrong_answers or "error" in figures.notes)
    good = good and figures.accepted > 0
    print(line(queue, name, (getattr(figures, column) for column in COLUMNS),
               "ok" if good else "FAILED"), flush=True)
    if figures.notes:
        print(f"  {figures.notes}", flush=True)
    return {"queue": queue, "scenario": name, "ok": good, **dataclasses.asdict(figures)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", action="append", choices=("nats", "kafka", "composite"))
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--quick", action="store_true", help="shorter pauses, fewer rounds")
    parser.add_argument("--report", type=pathlib.Path, help="a JSON file with all figures")
    options = parser.parse_args()

    began = time.monotonic()
    print(line("queue", "scenario", COLUMNS, ""))
    results = []
    for queue in options.queue or ("nats", "kafka", "composite"):
        with field.Brokers(queue) as brokers:
            for name in scenarios.SCENARIOS:
                if options.only in name and (queue, name) not in scenarios.NOT_FOR:
                    results.append(run_one(queue, brokers, name, options.quick))
    failed = [result for result in results if not result["ok"]]
    lost = sum(result["lost"] for result in results)
    print(f"{len(results)} scenarios, {len(failed)} failed, {lost} messages lost, "
          f"{sum(result['duplicates'] for result in results)} duplicates, "
          f"{time.monotonic() - began:.0f} s")
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(json.dumps({"scenarios": results}, indent=1) + "\n")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
