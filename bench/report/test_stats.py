import math
import random
import unittest

import stats
import text


class Spread(unittest.TestCase):
    def test_median_of_odd_and_even_counts(self):
        self.assertEqual(stats.spread([3, 1, 2]), (2, 1, 3))
        self.assertEqual(stats.spread([4, 1, 2, 3]), (2.5, 1, 4))

    def test_ratios_are_taken_within_pairs(self):
        # Both drift by a factor of two: the ratio of medians is the same, that of other pairs isn't.
        self.assertEqual(stats.ratios([10, 20, 30], [20, 40, 60], in_turn=True), [0.5, 0.5, 0.5])
        self.assertIsNone(stats.ratios([1, 2], [1, 0], in_turn=True))

    def test_runs_that_were_not_made_in_turn_have_one_ratio(self):
        self.assertEqual(stats.ratios([10, 20, 60], [10, 40, 60], in_turn=False), [0.5])
        self.assertEqual(stats.ratios([1, 2], [1], in_turn=False), [1.5])
        self.assertIsNone(stats.ratios([1], [0], in_turn=False))


class Interval(unittest.TestCase):
    def test_of_seven_differences_as_the_tables_of_the_signed_rank_test_have_it(self):
        # Critical value 2 at 0.05, two-sided: the third lowest and third highest of the 28 means.
        found = stats.interval([1, 2, 3, 4, 5, 6, 7])
        self.assertEqual((found.middle, found.low, found.high), (4, 2, 6))
        self.assertAlmostEqual(found.confidence, 1 - 6 / 128)

    def test_of_ten_differences(self):
        # Critical value 8.
        means = sorted((a + b) / 2 for a in range(1, 11) for b in range(a, 11))
        found = stats.interval(list(range(1, 11)))
        self.assertEqual((found.low, found.high), (means[8], means[-9]))

    def test_too_few_differences_show_nothing(self):
        self.assertEqual(stats.interval([1, 1, 1, 1, 1])[1:3], (-math.inf, math.inf))
        self.assertNotEqual(stats.interval([1, 1, 1, 1, 1, 1]).low, -math.inf)

    def test_covers_the_truth_as_often_as_it_says(self):
        dice = random.Random(1)
        held = 0
        for _ in range(2000):
            found = stats.interval([dice.gauss(5, 2) for _ in range(7)])
            held += found.low <= 5 <= found.high
        self.assertGreater(held / 2000, 0.94)
        self.assertLess(held / 2000, 0.97)

    def test_change_is_a_factor(self):
        found = stats.change([10, 20, 40, 10, 20, 40, 10], [11, 22, 44, 11, 22, 44, 11])
        for value in found[:3]:
            self.assertAlmostEqual(value, 1.1)
        self.assertEqual(stats.change([1, 2], [2, 4])[1:3], (0.0, math.inf))

    def test_change_wants_pairs(self):
        with self.assertRaises(ValueError):
            stats.change([1, 2, 3], [1, 2])


class Text(unittest.TestCase):
    def test_numbers(self):
        shown = {0: "0", 0.001234: "0.00123", 0.65: "0.650", 2.345: "2.35", 12.34: "12.3",
                 123.4: "123", 57923.4: "57,923", -5: "-5.00"}
        for value, words in shown.items():
            self.assertEqual(text.number(value), words)

    def test_spread_says_when_there_is_none(self):
        self.assertEqual(text.spread([5.0]), "5.00 (one run)")
        self.assertEqual(text.spread([100, 300, 200]), "200 (100 to 300)")

    def test_ratio_says_how_it_was_taken(self):
        self.assertEqual(text.ratio([10, 30], [10, 10], True), "2.00 (1.00 to 3.00)")
        self.assertEqual(text.ratio([10, 30], [10, 10], False),
                         "2.00 (of the medians: not measured in turn)")
        self.assertEqual(text.ratio([10], [0], True), "none: theirs is 0")

    def test_escape(self):
        self.assertEqual(text.escape("a|b <c>\n*d* atomic_queue _e_"),
                         r"a\|b \<c\> \*d\* atomic_queue \_e\_")

    def test_slug(self):
        self.assertEqual(text.slug("CPU per message", "µs", "p99.9/x"), "cpu-per-message-us-p99-9-x")


if __name__ == "__main__":
    unittest.main()
