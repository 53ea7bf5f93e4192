"""Unit tests of network.py: what is made of the counts. The counting itself runs in make test-network."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import network  # noqa: E402  (the path comes first)
from exposition import Samples  # noqa: E402

BEFORE = {"api-gateway": Samples("millrace_http_connections_accepted_total 2"),
          "ingest": Samples(""), "processor": Samples("")}
AFTER = {
    "api-gateway": Samples("""millrace_http_connections_accepted_total 12
millrace_hop_connections_opened_total{hop="ingest"} 2
millrace_hop_batch_size_count{hop="ingest"} 250"""),
    "ingest": Samples("""millrace_hop_connections_opened_total{hop="processor"} 1
millrace_hop_batch_size_count{hop="processor"} 100"""),
    "processor": Samples(""),
}
STEADY, SATURATION, NO_KEEP_ALIVE, BATCHES = network.CASES


def good_figures(requests):
    return {network.CLIENT: 9 * 100_000 / requests, network.TO_INGEST: 2 * 100_000 / requests,
            network.TO_PROCESSOR: 100_000 / requests, network.PER_INGEST: 50,
            network.PER_PROCESSOR: 50, network.SYSCALLS: 0.5}


class Network(unittest.TestCase):
    def test_figures_are_what_grew(self):
        figures = network.figures_of(BEFORE, AFTER, requests=1000, messages=1000)
        self.assertEqual(figures, {
            network.CLIENT: 1000, network.TO_INGEST: 200, network.TO_PROCESSOR: 100,
            network.PER_INGEST: 4, network.PER_PROCESSOR: 10})

    def test_services_that_counted_no_exchange_are_a_failure(self):
        with self.assertRaisesRegex(SystemExit, "no exchange"):
            network.figures_of(BEFORE, BEFORE, requests=1, messages=1)

    def test_good_figures_break_nothing(self):
        for case in (STEADY, SATURATION, BATCHES):
            self.assertEqual(network.broken(case, 5000, good_figures(5000)), [])

    def test_each_limit_can_be_broken(self):
        requests = 5000
        for name, bad in ((network.CLIENT, 10 * 100_000 / requests),
                          (network.TO_INGEST, 3 * 100_000 / requests),
                          (network.TO_PROCESSOR, 3 * 100_000 / requests),
                          (network.PER_INGEST, 9), (network.PER_PROCESSOR, 9),
                          (network.SYSCALLS, 1.1)):
            figures = {**good_figures(requests), name: bad}
            with self.subTest(name):
                (line,) = network.broken(BATCHES, requests, figures)
                self.assertIn(f"batches: {name}", line)

    def test_without_keep_alive_fewer_connections_than_requests_are_a_broken_count(self):
        figures = {**good_figures(1000), network.CLIENT: 99_999}
        self.assertEqual(len(network.broken(NO_KEEP_ALIVE, 1000, figures)), 1)
        figures[network.CLIENT] = 100_500
        self.assertEqual(network.broken(NO_KEEP_ALIVE, 1000, figures), [])

    def test_system_calls_that_were_not_counted_are_no_failure_but_other_gaps_are(self):
        figures = good_figures(5000)
        del figures[network.SYSCALLS]
        self.assertEqual(network.broken(BATCHES, 5000, figures), [])
        del figures[network.CLIENT]
        with self.assertRaises(KeyError):
            network.broken(BATCHES, 5000, figures)

    def test_perf_is_read_and_its_refusal_too(self):
        read = network.SyscallCount.read
        self.assertEqual(read("20855,,raw_syscalls:sys_enter,4002,100.00,,\n"), (20855, ""))
        self.assertEqual(read("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n")[0], None)
        self.assertEqual(read("Error:\nNo permission"), (None, "Error: No permission"))


if __name__ == "__main__":
    unittest.main()
