import argparse
import pathlib
import subprocess
import tempfile
import unittest
from unittest import mock

import base_tree
import compare
import contests
from base_tree import CantCompare
from contests import Figure

RATE = Figure("rate", "messages/s", "higher")
TIME = Figure("time", "ns", "lower")
BASE = [100, 104, 98, 101, 99, 103, 97]


class Verdicts(unittest.TestCase):
    def verdict(self, figure, now):
        return compare.line_of(figure, BASE, now)[-1]

    def test_faster_and_slower_go_by_what_is_better(self):
        more = [value * 1.1 for value in BASE]
        self.assertEqual(self.verdict(RATE, more), "faster")
        self.assertEqual(self.verdict(TIME, more), "slower")
        less = [value * 0.9 for value in BASE]
        self.assertEqual(self.verdict(RATE, less), "slower")
        self.assertEqual(self.verdict(TIME, less), "faster")

    def test_noise_shows_no_difference(self):
        self.assertEqual(self.verdict(RATE, [98, 103, 101, 100, 99, 104, 97]), "no difference shown")
        self.assertEqual(self.verdict(RATE, BASE), "no difference shown")

    def test_a_drift_that_both_share_hides_nothing(self):
        drifting = [100, 150, 225, 340, 500, 750, 1100]
        line = compare.line_of(RATE, drifting, [value * 1.02 for value in drifting])
        self.assertEqual(line[3:], ["+2.0 % (+2.0 to +2.0)", "faster"])

    def test_what_one_side_lacks_is_said(self):
        self.assertEqual(compare.line_of(RATE, BASE, [])[-1], "only in base")
        self.assertEqual(compare.line_of(RATE, [], BASE)[-1], "only in now")
        self.assertIn("no ratio", compare.line_of(RATE, BASE, [0] * 7)[-1])
        self.assertIn("no ratio", compare.line_of(RATE, BASE, [1] * 6)[-1])


class Collecting(unittest.TestCase):
    def test_the_sides_take_turns_and_so_does_who_begins(self):
        order = []

        class Contest:
            def measure(self, side):
                order.append(side)
                return {RATE: len(order)}

        found = compare.collect(Contest(), 3)
        self.assertEqual(order, ["base", "now", "now", "base", "base", "now"])
        self.assertEqual(found, {"base": {RATE: [1, 4, 5]}, "now": {RATE: [2, 3, 6]}})


class GoogleBenchmark(unittest.TestCase):
    def test_wall_time_and_counters_with_a_unit(self):
        found = contests.figures_of({"benchmarks": [
            {"name": "a", "run_type": "iteration", "real_time": 2.5, "cpu_time": 9, "time_unit": "us",
             "iterations": 12, "items_per_second": 5e6, "p99 [us]": 7.0, "rate [messages/s]": 8.0},
            {"name": "b", "real_time": 1.0, "time_unit": "s", "resident [MB]": 9.0},
            {"name": "a_mean", "run_type": "aggregate", "real_time": 1, "time_unit": "us"}]})
        self.assertEqual(found, {Figure("a", "ns", "lower"): 2500.0,
                                 Figure("b resident", "MB", "lower"): 9.0,
                                 Figure("a p99", "us", "lower"): 7.0,
                                 Figure("a rate", "messages/s", "higher"): 8.0})

    def test_time_is_per_item_where_the_wall_clock_counts_them(self):
        entry = {"name": "1P1C/millrace/real_time", "real_time": 9.0, "time_unit": "ms",
                 "items_per_second": 1e8, "label": "message"}
        self.assertEqual(contests.figures_of({"benchmarks": [entry]}),
                         {Figure("1P1C/millrace/real_time", "ns/message", "lower"): 10.0})

    def test_a_failed_benchmark_is_no_figure(self):
        with self.assertRaisesRegex(CantCompare, "a failed: lost 3"):
            contests.figures_of({"benchmarks": [
                {"name": "a", "error_occurred": True, "error_message": "lost 3"}]})

    def test_an_unknown_suite_is_told_the_known_ones(self):
        with self.assertRaisesRegex(CantCompare, "no suite 'rng': SUITE is pipeline, .*ring"):
            contests.named("rng", argparse.Namespace())


class Worktrees(unittest.TestCase):
    """In a repository of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        patch = mock.patch.object(base_tree, "ROOT", self.root)
        patch.start()
        self.addCleanup(patch.stop)
        self.git("init", "-q")
        (self.root / ".gitignore").write_text("/build/\n")
        self.git("add", ".")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first")

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.root, check=True)

    def test_unknown_commits_are_refused(self):
        self.assertEqual(len(base_tree.resolve("HEAD")), 40)
        for name in ("nonsense", "", "--all", "HEAD:.gitignore"):
            with self.assertRaisesRegex(CantCompare, f"there is no commit '{name}'"):
                base_tree.resolve(name)

    def test_the_tree_is_there_and_then_gone(self):
        with base_tree.BaseTree(base_tree.resolve("HEAD")) as base:
            self.assertTrue((base.tree / ".gitignore").exists())
        self.assertFalse(base.tree.exists())
        self.assertTrue(base.folder.exists())

    def test_a_failed_build_is_one_line_and_leaves_no_tree(self):
        with self.assertRaises(CantCompare) as caught:
            with base_tree.BaseTree(base_tree.resolve("HEAD")) as base:
                base.build(["bench_ring"])
        self.assertRegex(str(caught.exception), "^base .* doesn't build; why is in build/compare/.*log$")
        self.assertFalse(base.tree.exists())

    def test_what_a_crash_left_is_taken_away_unless_it_was_changed(self):
        base = base_tree.BaseTree(base_tree.resolve("HEAD"))
        base.__enter__()
        with base:
            (base.tree / "mine").write_text("kept\n")
            with self.assertRaisesRegex(CantCompare, "has changes that aren't committed"):
                base.__enter__()
            self.assertTrue((base.tree / "mine").exists())


if __name__ == "__main__":
    unittest.main()
