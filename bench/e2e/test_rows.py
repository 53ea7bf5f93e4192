"""What becomes a row, and which percentiles; and what a backlog may take."""

import pathlib
import sys
import types
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("report", "queues")]
import backlog  # noqa: E402  (the path comes first)
import loads  # noqa: E402
import rows  # noqa: E402


class Kept:
    def __init__(self):
        self.rows = []

    def add(self, *row, **conditions):
        self.rows.append((*row, conditions))

    def measures_of(self, contestant):
        return [row[2] for row in self.rows if row[1] == contestant]


def report(percent=50, refused=0, loop="closed"):
    return {"cpu_percent": percent, "errors": {"timeout": 0}, "status": {"200": 9, "5xx": refused},
            "complaint": f"{refused} answers" if refused else "", "loop": loop,
            "lateness_us": {"p50": 20, "p99": 60}, "requests_per_s": 9}


def measured(**more):
    return types.SimpleNamespace(rate=100, cpu_us=2, report=report(**more))


class RowsOfARun(unittest.TestCase):
    def saturation(self, *runs):
        kept = Kept()
        return kept, rows.Rows(kept, "memory").saturation("a", "nginx", list(runs))

    def test_a_good_run_has_its_rate_its_cpu_and_the_generators(self):
        kept, warning = self.saturation(measured(), measured())
        self.assertEqual(warning, "")
        self.assertEqual(kept.measures_of("nginx"), ["accepted and worked off", "CPU per message"])
        self.assertEqual(kept.rows[-1], ("a / memory", "open_loop", "CPU of the load generator", "%",
                                         [50, 50], {"load_on": "nginx"}))

    def test_a_busy_generator_is_said_and_kept(self):
        kept, warning = self.saturation(measured(), measured(percent=91))
        self.assertEqual(warning, "1 of 2 runs bound by the load generator")
        self.assertEqual(kept.rows[-1][4], [False, True])

    def test_failed_requests_are_said_and_kept(self):
        kept, warning = self.saturation(measured(), measured(refused=3))
        self.assertEqual(warning, "in 1 of 2 runs 3 answers")
        self.assertIn("requests not answered with 200", kept.measures_of("nginx"))

    def test_what_open_loop_did_not_send_has_no_generator(self):
        tool = types.SimpleNamespace(rate=100, cpu_us=None, report={})
        kept, _ = self.saturation(tool)
        self.assertEqual([row[1:3] for row in kept.rows], [("nginx", "accepted and worked off")])

    def test_an_open_loop_has_its_lateness_and_the_rate_it_reached(self):
        kept = Kept()
        rows.Rows(kept, "memory").latency("a", "nginx", {"p50 until accepted": [1]},
                                          [report(loop="open")], {"rate": "10/s"})
        self.assertEqual(kept.measures_of("nginx"), ["p50 until accepted", "rate reached"])
        self.assertEqual(kept.rows[-1][2:], ("p99 of the load generator's lateness", "ms", [0.06],
                                             {"rate": "10/s", "load_on": "nginx"}))

    def test_a_percentile_needs_requests_beyond_it(self):
        self.assertEqual(list(rows.shares_of(10_000)), ["p50", "p90", "p99", "p99.9"])
        self.assertEqual(list(rows.shares_of(9_999)), ["p50", "p90", "p99"])
        self.assertEqual(list(rows.shares_of(19)), [])


class System:
    """Accepted is worked off at once, and as many more as others sent."""

    name, pids = "it", []

    def __init__(self, counts):
        self.counts = iter(counts)

    def settle(self):
        return next(self.counts)


class OneRun(unittest.TestCase):
    REPORT = {"accepted_messages": 10, "began_s": 0, "ended_s": 2, "complaint": "it said no"}

    def test_a_peers_run_ends_with_its_last_answer(self):
        self.assertEqual(loads.Measured(System([None, None]), lambda: self.REPORT).rate, 5)

    def test_ours_ends_when_all_is_worked_off(self):
        run = loads.Measured(System([5, 15]), lambda: self.REPORT)
        self.assertLess(run.rate, 5)  # by the time that passed since the clock's zero

    def test_only_what_the_client_knows_as_accepted_counts(self):
        began = {**self.REPORT, "began_s": loads.time.monotonic() - 1}
        run = loads.Measured(System([0, 1_000_000]), lambda: began)
        self.assertAlmostEqual(run.rate, 10, delta=1)

    def test_lost_messages_and_empty_runs_are_no_figures(self):
        with self.assertRaisesRegex(RuntimeError, "10 were accepted, 9 worked off"):
            loads.Measured(System([5, 14]), lambda: self.REPORT)
        with self.assertRaisesRegex(RuntimeError, "nothing was accepted: it said no"):
            loads.Measured(System([5, 5]), lambda: {**self.REPORT, "accepted_messages": 0})


class Backlogs(unittest.TestCase):
    def test_memory_is_read(self):
        self.assertEqual(backlog.available_bytes("MemTotal: 9 kB\nMemAvailable:   4 kB\n"), 4096)

    def test_what_does_not_fit_is_said(self):
        fit, left_out = backlog.affordable([1_000, 10_000_000], 4e9)
        self.assertEqual(fit, [1_000])
        self.assertIn("10,000,000 messages waiting are left out: they take 2.5 GB", left_out[0])
        self.assertEqual(backlog.affordable([1_000, 10_000_000], 6e9), ([1_000, 10_000_000], []))


if __name__ == "__main__":
    unittest.main()
