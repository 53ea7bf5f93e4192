#!/usr/bin/env python3
"""Is the working tree faster than a commit?

  bench/compare/compare.py --base COMMIT [--suite pipeline] [--pairs 7]
                           [--filter REGEX] [--min-time-s 0.2] [--seconds 5]

Builds both, runs them in turn, pair by pair, and prints for each figure the medians, the change and its
95 % interval: the Hodges-Lehmann estimate of the pairs' ratios, exact for any number of pairs. The
verdict is "faster" or "slower" when the whole interval is on that side, and otherwise "no difference
shown", which doesn't say that there is none. Of twenty figures that didn't change, one has such a
verdict by chance; on a machine that others use too, more.

--suite: pipeline, or a suite of bench/micro; commas between several. --filter and --min-time-s are for
the micro suites, --seconds is a run of the pipeline."""

import argparse
import contextlib
import signal
import sys

sys.dont_write_bytecode = True

import base_tree  # noqa: E402  (no bytecode comes first)
import contests  # noqa: E402
from base_tree import ROOT, CantCompare  # noqa: E402

sys.path.insert(0, str(ROOT / "bench" / "report"))

import record  # noqa: E402
import stats  # noqa: E402
import text  # noqa: E402

SIDES = ("base", "now")
PAIRS_MIN = 7


def collect(contest, pairs, progress=lambda pair: None):
    """{side: {figure: [a value of each pair]}}"""
    found = {side: {} for side in SIDES}
    for pair in range(pairs):
        # Who begins takes turns too, or a machine that slows down would always hit the same side.
        for side in SIDES[::-1] if pair % 2 else SIDES:
            for figure, value in contest.measure(side).items():
                found[side].setdefault(figure, []).append(value)
        progress(pair + 1)
    return found


def verdict(change, better):
    if change.low <= 1 <= change.high:
        return "no difference shown"
    return "faster" if (change.low > 1) == (better == "higher") else "slower"


def percent(factor):
    return f"{(factor - 1) * 100:+.1f}"


def line_of(figure, base, now):
    """The figure's cells, or why there are none."""
    if not base or not now:
        return [figure.name, "", "", "", f"only in {SIDES[not base]}"]
    if len(base) != len(now) or min(base + now) <= 0:
        return [figure.name, "", "", "", "no ratio: a run without it, or not above 0"]
    change = stats.change(base, now)
    medians = [text.number(stats.spread(values).median) for values in (base, now)]
    return [f"{figure.name}, {figure.unit}", *medians,
            f"{percent(change.middle)} % ({percent(change.low)} to {percent(change.high)})",
            verdict(change, figure.better)]


def table(found):
    head = ["", *SIDES, "change (95 % interval)", ""]
    figures = list(dict.fromkeys([*found["base"], *found["now"]]))
    lines = [head] + [line_of(figure, *(found[side].get(figure, []) for side in SIDES))
                      for figure in figures]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if column in (0, 4) else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


@contextlib.contextmanager
def started(contest, binaries):
    try:
        contest.start(binaries)
        yield contest
    finally:
        contest.stop()


def say(words):
    print(words, flush=True)


def compare(options):
    wanted = {suite: contests.named(suite, options) for suite in options.suite.split(",")}
    targets = [target for contest in wanted.values() for target in contest.targets]
    with base_tree.BaseTree(base_tree.resolve(options.base)) as base:
        say(f"base {base.short}, now {record.commit()} (+: changes that aren't committed); building")
        base.build(targets)
        binaries = {"base": base.binaries, "now": base_tree.build_now(targets)}
        for suite, contest in wanted.items():
            with started(contest, binaries):
                found = collect(contest, options.pairs,
                                lambda pair: say(f"  {suite}: pair {pair} of {options.pairs}"))
            say(f"\n{suite}, {options.pairs} pairs in turn on {record.machine()['cpu']}, "
                f"{record.machine()['cores']} cores\n{table(found)}\n")


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--suite", default="pipeline")
    parser.add_argument("--pairs", type=int, default=PAIRS_MIN)
    parser.add_argument("--filter", default=".")
    parser.add_argument("--min-time-s", type=float, default=0.2)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    if options.pairs < PAIRS_MIN:
        parser.error(f"--pairs must be at least {PAIRS_MIN}: fewer show next to nothing")
    return options


def leave(number, _frame):
    sys.exit(128 + number)


def main():
    signal.signal(signal.SIGTERM, leave)
    try:
        compare(parse())
    except CantCompare as error:
        print(f"bench-compare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
