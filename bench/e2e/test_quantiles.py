"""Upper limits of percentiles between two readings of a histogram."""

import unittest

import quantiles

INF = float("inf")


class Quantiles(unittest.TestCase):
    def test_the_bucket_is_all_that_is_known(self):
        after = {0.1: 50, 0.2: 100, INF: 100}
        self.assertEqual(quantiles.bucket_of({}, after, 0.5), 0.1)
        self.assertEqual(quantiles.bucket_of({}, after, 0.51), 0.2)
        self.assertEqual(quantiles.bucket_of({}, after, 1), 0.2)

    def test_only_what_was_added_counts(self):
        before, after = {0.1: 1000, 0.2: 1000, INF: 1000}, {0.1: 1000, 0.2: 1010, INF: 1010}
        self.assertEqual(quantiles.bucket_of(before, after, 0.01), 0.2)

    def test_above_all_bounds_there_is_no_figure(self):
        with self.assertRaisesRegex(ValueError, "last bound, 0.1 s"):
            quantiles.bucket_of({}, {0.1: 1, INF: 100}, 0.99)

    def test_nothing_added_is_no_figure(self):
        with self.assertRaisesRegex(ValueError, "no message"):
            quantiles.bucket_of({0.1: 3, INF: 3}, {0.1: 3, INF: 3}, 0.5)

    def test_a_cut_millisecond_is_given_back(self):
        found = quantiles.at_most_ms({}, {0.002: 99, 1.0: 100, INF: 100}, {"p50": 0.5, "p99": 0.99})
        self.assertEqual(found, {"p50": 3, "p99": 3, "max": 1001})


if __name__ == "__main__":
    unittest.main()
