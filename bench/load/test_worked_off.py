"""Unit tests of worked_off.py."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import worked_off  # noqa: E402  (the path comes first)


class WorkedOff(unittest.TestCase):
    def test_counts_are_read_of_a_status(self):
        status = {"ingest": {"stats": {"TotalReceived": 9, "TotalSent": 7}},
                  "processor": {"stats": {"pool": {"processed": 5, "errors": 1}}}}
        self.assertEqual(worked_off.counts_of(status), (7, 5))

    def test_a_service_that_is_down_is_said(self):
        with self.assertRaisesRegex(SystemExit, "a service is down"):
            worked_off.counts_of({"ingest": {"healthy": False}})

    def test_the_difference_counts(self):
        self.assertEqual(worked_off.verdict((10, 20), (15, 25)), (True, "accepted 5, processed 5"))
        self.assertFalse(worked_off.verdict((10, 20), (15, 24))[0])
        self.assertFalse(worked_off.verdict((10, 20), (15, 26))[0])

    def test_nothing_accepted_is_no_success(self):
        self.assertEqual(worked_off.verdict((3, 3), (3, 3)),
                         (False, "accepted 0, processed 0: nothing was accepted"))

    def test_a_restart_is_no_success(self):
        self.assertIn("started anew", worked_off.verdict((10, 10), (5, 5))[1])

    def run_wait(self, answers):
        """wait() over `answers`, of which the last one is repeated; each pause takes 10 s."""
        clock = [0]

        def pause(_):
            clock[0] += 10

        ask = iter(answers[:-1])
        return worked_off.wait("url", (0, 0), ask=lambda _: next(ask, answers[-1]),
                               now=lambda: clock[0], pause=pause)

    def test_it_waits_until_all_is_worked_off(self):
        self.assertEqual(self.run_wait([(5, 0), (5, 3), (5, 5)]), (True, "accepted 5, processed 5"))

    def test_it_gives_up(self):
        self.assertEqual(self.run_wait([(5, 0), (5, 4)]), (False, "accepted 5, processed 4"))


if __name__ == "__main__":
    unittest.main()
