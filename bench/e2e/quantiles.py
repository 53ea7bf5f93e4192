"""Percentiles of what was added to a Prometheus histogram between two readings of it."""

SHARES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}


def one(before, after, share):
    """In the histogram's unit, interpolated within its bucket as Prometheus does; the highest bound
    when it lies above all of them. `before` and `after`: {upper bound: so many at or below it}."""
    counts = [(bound, after[bound] - before.get(bound, 0)) for bound in sorted(after)]
    wanted = share * counts[-1][1]
    lower_bound, lower_count = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf") or count == lower_count:
                return lower_bound
            return lower_bound + (bound - lower_bound) * (wanted - lower_count) / (count - lower_count)
        lower_bound, lower_count = bound, count
    return lower_bound


def of(before, after):
    """(name, milliseconds) of each share, of a histogram in seconds."""
    return [(name, one(before, after, share) * 1000) for name, share in SHARES.items()]
