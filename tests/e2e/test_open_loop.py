"""The load generator itself: its figures are only worth something if it counts as the services do,
and if a server that stands still shows in its latencies."""

import contextlib
import json
import socket
import subprocess
import threading
import time
import unittest

from harness import PATIENCE, StackTestCase, executable, free_port, until

STALL_S = 0.3
HELD = {0: "", 1: "was not reached"}  # the machine may be too busy for a rate, which isn't ours to test


def open_loop(*arguments, timeout_s=60):
    return subprocess.run([executable("open_loop"), *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout_s * PATIENCE, check=False)


class AgainstTheServices(StackTestCase):
    stack_options = {"processor": {"QUEUE_SIZE": 100_000}}

    def counted(self):
        status = self.stack.gateway.get_json("/api/v1/status")
        return (status["ingest"]["stats"]["TotalSent"],
                status["processor"]["stats"]["pool"]["processed"])

    def at_rest(self):
        """What is counted when nothing of the test before is under way any more."""
        self.stack.settled()
        return self.counted()

    def expect_counted(self, before, messages):
        wanted = tuple(count + messages for count in before)
        until(f"accepted and processed are {wanted}", lambda: self.counted() == wanted, 10)

    def measured(self, *arguments):
        run = open_loop("--url", self.stack.gateway.url, "--json", *arguments)
        self.assertIn(run.returncode, HELD, run.stderr)
        self.assertIn(HELD[run.returncode], run.stderr)
        result = json.loads(run.stdout)
        self.assertEqual(sum(result["errors"].values()), 0, result)
        return result

    def test_single_messages_are_counted_as_the_services_count_them(self):
        before = self.at_rest()
        started = time.monotonic()
        result = self.measured("--rate", 500, "--seconds", 2, "--connections", 8)
        self.assertLess(started, result["began_s"])  # on the clock of who called it
        # The last request is due an interval before the end of the run, and may be answered by then.
        self.assertLess(result["ended_s"], time.monotonic() + 1 / 500)
        self.assertEqual(result["planned"], 1000)
        self.assertEqual(result["status"]["200"], 1000)
        self.assertEqual(result["accepted_messages"], 1000)
        self.assertEqual(result["connections_opened"], 8)
        self.assertGreaterEqual(result["wall_s"], 2)
        self.assertLessEqual(result["requests_per_s"], 500)
        self.assertGreater(result["latency_us"]["p50"], 0)
        self.expect_counted(before, 1000)

    def test_batches_are_counted_by_the_message(self):
        before = self.at_rest()
        result = self.measured("--rate", 20, "--seconds", 1, "--batch", 100, "--payload-bytes", 500)
        self.assertEqual(result["status"]["200"], 20)
        self.assertEqual(result["accepted_messages"], 2000)
        self.expect_counted(before, 2000)

    def test_as_fast_as_answers_come(self):
        before = self.at_rest()
        result = self.measured("--rate", "max", "--seconds", 0.5, "--connections", 4)
        self.assertEqual(result["loop"], "closed")
        self.assertGreater(result["status"]["200"], 0)
        self.expect_counted(before, result["status"]["200"])

    def test_each_request_can_have_a_connection_of_its_own(self):
        before = self.at_rest()
        result = self.measured("--rate", 100, "--seconds", 1, "--connections", 2, "--no-keep-alive")
        self.assertGreaterEqual(result["connections_opened"], 100)
        self.expect_counted(before, 100)

    def test_what_is_refused_is_counted_and_makes_the_run_fail(self):
        run = open_loop("--url", f"{self.stack.gateway.url}/nowhere", "--rate", 50, "--seconds", 1,
                        "--json")
        self.assertEqual(run.returncode, 1)
        result = json.loads(run.stdout)
        self.assertEqual(result["status"]["4xx"], 50)
        self.assertGreater(result["latency_us"]["p50"], 0)  # a refusal takes its time too
        self.assertIn("50 answers were not as expected", run.stderr)

    def test_an_answer_without_the_expected_words_makes_the_run_fail(self):
        run = open_loop("--url", self.stack.gateway.url, "--rate", 50, "--seconds", 1, "--expect",
                        "never said", "--json")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(json.loads(run.stdout)["status"]["200_unexpected"], 50)


class StallingServer:
    """Answers each POST at once, but for one standstill of all connections, which begins with the
    first request that comes `after_s` after the very first."""

    ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status":"accepted"}'

    def __init__(self, after_s):
        self.after_s = after_s
        self.began = None
        self.stalled = False
        self.lock = threading.Lock()  # held through the standstill, so that nobody is answered
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), peer:
            # A request is smaller than one read, and no other is sent before its answer.
            while peer.recv(65536):
                self._stand_still_once()
                peer.sendall(self.ANSWER)

    def _stand_still_once(self):
        with self.lock:
            now = time.monotonic()
            self.began = self.began or now
            if not self.stalled and now - self.began >= self.after_s:
                self.stalled = True
                time.sleep(STALL_S)


class AgainstAStall(unittest.TestCase):
    """300 ms of standstill in 2 s make 15 % of the requests late. A generator that waits for its
    answers would see one slow request for each connection: 4 of 600, so a p99 without it."""

    def test_a_standstill_shows_in_the_latency_of_all_that_were_due_in_it(self):
        with contextlib.closing(StallingServer(after_s=0.5)) as server:
            run = open_loop("--url", server.url, "--rate", 300, "--seconds", 2, "--connections", 4,
                            "--json")
        result = json.loads(run.stdout)
        self.assertTrue(server.stalled)
        self.assertEqual(result["status"]["200"], 600, run.stderr)
        stall_us = STALL_S * 1e6
        # Due evenly within it, so that 1 % of 600 are later than 0.93 of it, and 10 % than 0.33.
        self.assertGreater(result["latency_us"]["p99"], 0.9 * stall_us)
        self.assertGreater(result["latency_us"]["p90"], 0.3 * stall_us)
        self.assertGreaterEqual(result["latency_us"]["max"], 0.95 * stall_us)
        # Not before it and after it, and not by the generator's own fault.
        self.assertLess(result["latency_us"]["p50"], 0.3 * stall_us)
        self.assertLess(result["lateness_us"]["p50"], 0.1 * stall_us)
        self.assertGreater(result["waited_for_connection"], 50)

    def test_the_same_standstill_hides_from_a_closed_loop(self):
        """Why there is an open loop at all; and that the test above can fail."""
        with contextlib.closing(StallingServer(after_s=0.2)) as server:
            run = open_loop("--url", server.url, "--rate", "max", "--seconds", 2, "--connections", 4,
                            "--json")
        result = json.loads(run.stdout)
        self.assertTrue(server.stalled)
        self.assertGreater(result["latency_us"]["max"], 0.9 * STALL_S * 1e6)
        self.assertLess(result["latency_us"]["p99"], 0.5 * STALL_S * 1e6)

    def test_a_server_that_never_answers_is_given_up_and_said(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            run = open_loop("--url", f"http://127.0.0.1:{port}", "--rate", 100, "--seconds", 1,
                            "--connections", 2, "--timeout", 0.5, "--json")
        result = json.loads(run.stdout)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(result["errors"]["timeout"], 100)
        self.assertEqual(result["answered"], 0)
        self.assertGreaterEqual(result["latency_us"]["p50"], 0.5e6)


class AgainstNobody(unittest.TestCase):
    def test_nobody_there_is_said_with_what_to_do(self):
        port = free_port()
        run = open_loop("--url", f"http://127.0.0.1:{port}", "--rate", 10, "--seconds", 1)
        self.assertEqual((run.returncode, run.stdout), (3, ""))
        self.assertIn(f"nobody answers at 127.0.0.1:{port}", run.stderr)
        self.assertIn("make run-local", run.stderr)

    def test_a_bad_option_is_named(self):
        run = open_loop("--url", "http://127.0.0.1:1", "--rate", "fast")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("--rate is 'fast', and must be requests per second", run.stderr)

    def test_help_teaches(self):
        run = open_loop("--help")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for word in ("closed loop", "--connections", "Exit code"):
            self.assertIn(word, run.stdout)


if __name__ == "__main__":
    unittest.main()
