"""The little statistics that the figures need, exact and without a random number."""

import collections
import itertools
import math
import statistics

Spread = collections.namedtuple("Spread", "median low high")
Interval = collections.namedtuple("Interval", "middle low high confidence")


def spread(values):
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours, theirs, in_turn):
    """ours / theirs of each pair of runs; of runs that weren't made in turn only that of the medians.
    None where there is nothing to divide by."""
    if not in_turn:
        ours, theirs = [statistics.median(ours)], [statistics.median(theirs)]
    if 0 in theirs:
        return None
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _rank_sum_counts(count):
    """In how many of the 2^count ways of signing the ranks 1 to count the positive ones sum to s."""
    ways = [1]
    for rank in range(1, count + 1):
        longer = ways + [0] * rank
        for total, number in enumerate(ways):
            longer[total + rank] += number
        ways = longer
    return ways


def _cut(count, confidence):
    """How many of the sorted means of pairs lie outside of the interval at each end, and the
    confidence this gives: that of the Wilcoxon signed-rank test, exact."""
    ways = _rank_sum_counts(count)
    outside, tail = 0, 0
    for number in ways:
        if 2 * (tail + number) > (1 - confidence) * 2**count:
            break
        tail += number
        outside += 1
    return outside, 1 - 2 * tail / 2**count


def interval(differences, confidence=0.95):
    """The Hodges-Lehmann estimate of the middle of `differences` with its interval. It is exact for
    any number of pairs as long as they spread evenly to both sides; a bootstrap of seven medians isn't.
    The interval is endless where there are too few for the confidence (under 6 for 95 %)."""
    means = sorted((first + second) / 2 for first, second in
                   itertools.combinations_with_replacement(differences, 2))
    outside, reached = _cut(len(differences), confidence)
    if outside == 0:
        return Interval(statistics.median(means), -math.inf, math.inf, 1.0)
    return Interval(statistics.median(means), means[outside - 1], means[-outside], reached)


def change(base, now, confidence=0.95):
    """now against base as a factor, of runs made in pairs."""
    logs = [math.log(after / before) for before, after in zip(base, now, strict=True)]
    middle, low, high, reached = interval(logs, confidence)
    return Interval(math.exp(middle), math.exp(low) if low > -math.inf else 0.0,
                    math.exp(high) if high < math.inf else math.inf, reached)
