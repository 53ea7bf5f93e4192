"""Percentiles between two readings of a histogram."""

import unittest

import quantiles

INF = float("inf")


class Quantiles(unittest.TestCase):
    def test_within_a_bucket(self):
        after = {0.1: 50, 0.2: 100, INF: 100}
        self.assertAlmostEqual(quantiles.one({}, after, 0.5), 0.1)
        self.assertAlmostEqual(quantiles.one({}, after, 0.75), 0.15)

    def test_only_what_was_added_counts(self):
        before, after = {0.1: 1000, 0.2: 1000, INF: 1000}, {0.1: 1000, 0.2: 1010, INF: 1010}
        self.assertAlmostEqual(quantiles.one(before, after, 0.5), 0.15)

    def test_above_all_bounds(self):
        self.assertEqual(quantiles.one({}, {0.1: 1, INF: 100}, 0.99), 0.1)

    def test_in_milliseconds(self):
        found = dict(quantiles.of({}, {1.0: 1000, INF: 1000}))
        self.assertAlmostEqual(found["p99"], 990)
        self.assertAlmostEqual(found["p99_9"], 999)


if __name__ == "__main__":
    unittest.main()
