"""The names under which measurements become rows of a record."""

import loads

BOUND_PERCENT = 90  # of a core: from here on the rate may be the generator's
# Beyond a percentile there must be some answers, or it is an accident.
BEYOND_MIN = 10
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


def shares_of(requests):
    """{name: share} of the percentiles that so many requests can show."""
    return {name: share for name, share in SHARES.items() if requests * (1 - share) >= BEYOND_MIN - 1e-6}


class Rows:
    def __init__(self, record, queue):
        self.record, self.queue = record, queue

    def add(self, subject, contestant, measure, unit, runs, **conditions):
        self.record.add(f"{subject} / {self.queue}", contestant, measure, unit, runs, **conditions)

    def saturation(self, subject, contestant, measured):
        self.add(subject, contestant, "accepted and worked off", "messages/s",
                 [one.rate for one in measured])
        if measured[0].cpu_us is not None:
            self.add(subject, contestant, "CPU per message", "µs", [one.cpu_us for one in measured])
        return self.load(subject, contestant, [one.report for one in measured])

    def latency(self, subject, contestant, milliseconds, reports, conditions):
        """`milliseconds`: {measure: one of each run}. What was sent is a row too."""
        for measure, values in milliseconds.items():
            self.add(subject, contestant, measure, "ms", values, **conditions)
        self.add(subject, contestant, "rate reached", "requests/s",
                 [report["requests_per_s"] for report in reports], **conditions)
        return self.load(subject, contestant, reports, conditions)

    def load(self, subject, contestant, reports, conditions=None):
        """Of the generator itself, and of requests that failed. Returns what a reader must be told."""
        if any("cpu_percent" not in report for report in reports):
            return ""  # not by open_loop
        conditions = conditions or {}
        # A rate that wasn't held, and each answer that wasn't as it should be.
        complaints = [report["complaint"] for report in reports if report["complaint"]]
        warnings = [f"in {len(complaints)} of {len(reports)} runs {complaints[0]}"] if complaints else []
        failed = [loads.failures(report) for report in reports]
        if any(failed):
            self.add(subject, contestant, "requests not answered with 200", "requests", failed,
                     **conditions)
        of = {**conditions, "load_on": contestant}
        busy = [report["cpu_percent"] for report in reports]
        self.add(subject, "open_loop", "CPU of the load generator", "%", busy, **of)
        bound = [percent > BOUND_PERCENT for percent in busy]
        if any(bound):
            self.add(subject, "open_loop", f"generator-bound (above {BOUND_PERCENT} % of a core)",
                     "0 or 1", bound, **of)
            warnings.append(f"{sum(bound)} of {len(bound)} runs bound by the load generator")
        if reports[0]["loop"] == "open":
            for share in ("p50", "p99"):
                self.add(subject, "open_loop", f"{share} of the load generator's lateness", "ms",
                         [report["lateness_us"][share] / 1000 for report in reports], **of)
        return "; ".join(warnings)
