#!/usr/bin/env python3
"""Makes results/benchmarks/comparison.md, results/plots/ and results/FINAL_REPORT.md from the records
in results/raw/. The same records give the same bytes.

  bench/report/render.py             writes them
  bench/report/render.py --check     1 when what is there isn't what the records give"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True

import comparison  # noqa: E402  (no bytecode comes first)
import final_report  # noqa: E402
import raw  # noqa: E402
import record  # noqa: E402
import targets  # noqa: E402

COMPARISON, FINAL, PLOTS = "benchmarks/comparison.md", "FINAL_REPORT.md", "plots"


def render(records, wanted):
    """{path below results/: text}"""
    words, drawn = comparison.render(records)
    made = {COMPARISON: words, FINAL: final_report.render(records, wanted)}
    return made | {f"{PLOTS}/{name}": svg for name, svg in drawn.items()}


def present(results):
    """The paths below results/ that this script answers for and that are there."""
    found = {f"{PLOTS}/{path.name}" for path in (results / PLOTS).glob("*.svg")}
    return found | {name for name in (COMPARISON, FINAL) if (results / name).exists()}


def differences(results, made):
    """What is missing, differs, or comes from no record, a line each."""
    found = [f"{name}: comes from no record" for name in present(results) - made.keys()]
    for name, text in made.items():
        path = results / name
        if not path.exists():
            found.append(f"{name}: is missing")
        elif path.read_text() != text:
            found.append(f"{name}: isn't what the records give")
    return sorted(found)


def write(results, made):
    for name in present(results) - made.keys():
        (results / name).unlink()
    for name, text in made.items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(text)


def notes(records, wanted):
    """Targets whose suite was measured and has no such row: a name differs, or a row is missing."""
    found = []
    for target, judged, fields in targets.verdicts(wanted, records):
        gaps = sorted({why for verdict, why in judged.values() if verdict == targets.NOT_MEASURED})
        if fields and gaps:
            found.append(f"targets.json: '{target['what']}' isn't wholly measured by {fields['file']} "
                         f"({', '.join(gaps)}): subject '{target['subject']}', measure '{target['measure']}'")
    return found


def check(results, made):
    found = differences(results, made)
    if found:
        print("\n".join(found), file=sys.stderr)
        print(f"report: {len(found)} files differ; run 'make report' and commit them", file=sys.stderr)
        return 1
    print(f"report: {len(made)} files are what the records give" if made
          else "report: no records in results/raw, and nothing made of them")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=pathlib.Path, default=record.ROOT / "results",
                        help="another folder, with a raw/ of its own")
    options = parser.parse_args()
    try:
        records, wanted = raw.newest(options.results / "raw"), targets.load()
        made = render(records, wanted) if records else {}
    except raw.BadRaw as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    if options.check:
        return check(options.results, made)
    if not made:
        print(f"report: no records in {options.results / 'raw'}: run a benchmark first (make help)",
              file=sys.stderr)
        return 1
    write(options.results, made)
    for note in notes(records, wanted):
        print(note, file=sys.stderr)
    print(f"report: {len(made)} files of {len(records)} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
