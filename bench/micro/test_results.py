"""Tests of results.py:   python3 bench/micro/test_results.py"""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "report")]

import record  # noqa: E402  (the path comes first)
import results  # noqa: E402


def entry(name, per_second=None, **more):
    timed = {} if per_second is None else {"items_per_second": per_second, "label": "message"}
    return {"name": name, "run_type": "iteration", **timed, **more}


def document(*entries):
    return {"benchmarks": list(entries)}


def figures(*entries):
    return list(results.figures(document(*entries)))


class Figures(unittest.TestCase):
    def test_time_per_item_comes_from_the_rate(self):
        self.assertEqual(figures(entry("1P1C, batch 1/moodycamel/manual_time", 5e7)),
                         [("1P1C, batch 1", "moodycamel", "wall time", "ns/message", 20.0)])

    def test_counters_are_measures_with_their_units(self):
        one = entry("idle now/millrace/iterations:1/real_time", **{"p99.9 [us]": 3.5})
        self.assertEqual(figures(one), [("idle now", "millrace", "p99.9", "us", 3.5)])

    def test_iterations_and_processor_time_are_no_measures(self):
        one = entry("a/millrace/real_time", 1e9, iterations=7, cpu_time=3.0, real_time=2.0)
        self.assertEqual([figure[2] for figure in figures(one)], ["wall time"])

    def test_processor_time_is_refused(self):
        with self.assertRaisesRegex(ValueError, "processor time"):
            figures(entry("a/millrace", 1e9))

    def test_failed_benchmark_is_refused(self):
        failed = entry("a/millrace/real_time", error_occurred=True, error_message="missing")
        with self.assertRaisesRegex(ValueError, "missing"):
            figures(failed)

    def test_benchmark_that_measures_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "nothing"):
            figures(entry("a/millrace/real_time"))

    def test_aggregates_are_left_out(self):
        self.assertEqual(figures(entry("a/x/real_time_mean", 1e9) | {"run_type": "aggregate"}), [])


def passes(**per_second):
    """Passes over one subject, from the rates of each contestant."""
    return [figures(*(entry(f"s/{name}/real_time", rates[i]) for name, rates in per_second.items()))
            for i in range(max(map(len, per_second.values())))]


class Rows(unittest.TestCase):
    def test_ours_comes_first_and_runs_keep_their_order(self):
        row, = results.rows_of(passes(other=[1e9, 5e8], millrace=[2.5e8, 1e9]))
        self.assertEqual(list(row.runs.items()), [("millrace", [4, 1]), ("other", [1, 2])])

    def test_contestant_missing_in_a_pass_is_refused(self):
        whole = figures(entry("s/millrace/real_time", 1e9), entry("s/other/real_time", 1e9))
        part = figures(entry("s/millrace/real_time", 1e9))
        for broken in ([whole, part], [part, whole]):
            with self.assertRaises(ValueError):
                results.rows_of(broken)

    def test_ratio_is_taken_within_a_pass(self):
        # The machine was three times slower in the second pass: the ratios don't show it.
        row, = results.rows_of(passes(millrace=[1e9, 3.3e8, 1e9], other=[5e8, 1.65e8, 5e8]))
        self.assertAlmostEqual(results.ours_over(row, "other"), 0.5)

    def test_no_ratio_without_ours(self):
        row, = results.rows_of(passes(other=[1e9]))
        self.assertIsNone(results.ours_over(row, "other"))

    def test_no_ratio_to_zero(self):
        row, = results.rows_of([[("s", "millrace", "idle CPU", "%", 1.0), ("s", "b", "idle CPU", "%", 0.0)]])
        self.assertIsNone(results.ours_over(row, "b"))


class Order(unittest.TestCase):
    def test_numbers_sort_by_their_value(self):
        names = ["2P2C, batch 1", "1P1C, batch 256", "1P1C, batch 8", "same thread", "1P1C, batch 64"]
        self.assertEqual(sorted(names, key=results.natural),
                         ["same thread", "1P1C, batch 8", "1P1C, batch 64", "1P1C, batch 256",
                          "2P2C, batch 1"])


class Output(unittest.TestCase):
    def test_table_has_median_spread_and_ratio(self):
        rows = results.rows_of(passes(millrace=[1e8, 5e7, 2e8], other=[5e7, 2.5e7, 1e8]))
        text = "\n".join(results.table(rows))
        self.assertRegex(text, r"s +millrace +10\.0 +5\.00 +20\.0 +1\.00 +ns/message")
        self.assertRegex(text, r"other +20\.0 +10\.0 +40\.0 +0\.500 +ns/message")

    def test_record_gets_every_run(self):
        kept = record.Record("micro-test", command="c", method="m")
        results.put_into(kept, results.rows_of(passes(millrace=[1e9, 5e8])))
        self.assertEqual([row["runs"] for row in kept.fields["rows"]], [[1.0, 2.0]])


if __name__ == "__main__":
    unittest.main()
