"""The highest that percentiles can be, of what was added to a Prometheus histogram of messages' ages
between two readings of it. Nothing is interpolated: a histogram knows the bucket, and no more."""

# A processor knows ages in whole milliseconds, and cuts the rest off.
CUT_MS = 1
MAX = "max"


def bucket_of(before, after, share):
    """The upper bound of the bucket that holds it. `before`, `after`: {upper bound: so many at or below
    it}. Raises ValueError when there is none."""
    counts = [(bound, after[bound] - before.get(bound, 0)) for bound in sorted(after)]
    if not counts or counts[-1][1] == 0:
        raise ValueError("no message was added to the histogram of ages")
    found = next(bound for bound, count in counts if count >= share * counts[-1][1])
    if found == float("inf"):
        raise ValueError(f"the percentile {share:g} lies above the histogram's last bound, "
                         f"{counts[-2][0]:g} s" if len(counts) > 1 else "the histogram has no bounds")
    return found


def at_most_ms(before, after, shares):
    """{name: milliseconds} of `shares` {name: share} and of the greatest, of a histogram in seconds."""
    return {name: bucket_of(before, after, share) * 1000 + CUT_MS
            for name, share in {**shares, MAX: 1.0}.items()}
