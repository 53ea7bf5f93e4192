"""Handlers that fail in every way they can, and queues that are full: every accepted message ends as
a result or as a dead letter, with the reason, and once.
"""

import base64
import datetime
import json
import signal
import unittest

import wire
from harness import (ANSWER_S, PATIENCE, Stack, StackTestCase, good_body, until, within)
from load import Load

FAULTY = {"HANDLER": "faulty", "SINK": "file"}
MAX_ATTEMPTS = 3
WHY = "a fault was asked for"
NOT_WORKED_OFF = "not worked off before shutdown"

# fault: (attempts, reason)
GIVEN_UP = {
    "throw": (MAX_ATTEMPTS, f"gave up after {MAX_ATTEMPTS} attempts: the handler threw: {WHY}"),
    "retry": (MAX_ATTEMPTS, f"gave up after {MAX_ATTEMPTS} attempts: {WHY}"),
    "retry-until:9": (MAX_ATTEMPTS, f"gave up after {MAX_ATTEMPTS} attempts: {WHY}"),
    "reject": (1, WHY),
    "unheard of": (1, "no such fault"),
}


def post(stack, fault=None, data="hello"):
    """The id of an accepted message."""
    metadata = {"fault": fault} if fault else {}
    response = stack.ingest.post(good_body(data=data, metadata=metadata))
    if response.status != 200:
        raise AssertionError(response)
    return response.json()["messageId"]


class Handlers(StackTestCase):
    stack_options = {"processor": {**FAULTY, "MAX_ATTEMPTS": MAX_ATTEMPTS}}

    def result_of(self, message_id):
        def find():
            return [result for result in self.stack.processor.file_lines("results.ndjson")
                    if result["message_id"] == message_id]
        (result,) = until(f"a result for {message_id}", find)
        return result

    def letters_of(self, message_id):
        return [letter for letter in self.stack.processor.dead_letters()
                if letter["id"] == message_id]

    def test_given_up(self):
        for fault, (attempts, reason) in GIVEN_UP.items():
            with self.subTest(fault=fault):
                before = self.stack.settled()
                began = datetime.datetime.now(datetime.timezone.utc)
                message_id = post(self.stack, fault, data="hello é")
                result = self.result_of(message_id)
                self.assertIs(result["success"], False)
                self.assertEqual((result["error"], result["result"]), (reason, ""))
                after = self.stack.settled()  # the dead letter comes after the result
                self.check_letter(message_id, fault, attempts, reason, began)
                self.assertEqual(after["errors"], before["errors"] + 1)
                self.assertEqual(after["processed"], before["processed"])

    def check_letter(self, message_id, fault, attempts, reason, began):
        (letter,) = self.letters_of(message_id)
        self.assertEqual(set(letter), {"id", "source", "reason", "attempts", "dead_lettered_at",
                                       "message"})
        self.assertEqual((letter["source"], letter["attempts"], letter["reason"]),
                         ("e2e", attempts, reason))
        when = datetime.datetime.strptime(letter["dead_lettered_at"], "%Y-%m-%dT%H:%M:%S.%f%z")
        self.assertLess(abs((when - began).total_seconds()), 10 * PATIENCE)
        message = letter["message"]
        self.assertEqual((message["id"], message["source"], message["metadata"]),
                         (message_id, "e2e", {"fault": fault}))
        self.assertEqual(base64.b64decode(message["payload"], validate=True), "hello é".encode())
        self.assertLess(abs(int(message["timestamp"]) - began.timestamp()), 10 * PATIENCE)

    def test_tried_again_with_success(self):
        before = self.stack.pool_stats()
        message_id = post(self.stack, f"retry-until:{MAX_ATTEMPTS}")
        self.assertIs(self.result_of(message_id)["success"], True)
        self.assertEqual(self.letters_of(message_id), [])
        self.stack.settled()
        after = self.stack.pool_stats()
        self.assertEqual(after["retries"], before["retries"] + MAX_ATTEMPTS - 1)
        self.assertEqual(after["dead_letters"], before["dead_letters"])

    def test_slow_one_holds_up_nobody(self):
        slow = [post(self.stack, "slow:1500") for _ in range(2)]
        others = [post(self.stack) for _ in range(50)]
        until("the others are worked off",
              lambda: set(others) <= set(self.stack.processor.result_ids()))
        self.assertFalse(set(slow) & set(self.stack.processor.result_ids()))
        for message_id in slow:
            self.assertIs(self.result_of(message_id)["success"], True)

    def test_mixed_under_load(self):
        faults = ("throw", "retry-until:2", "reject", "slow:5", None)
        results, letters = (len(self.stack.processor.result_ids()),
                            len(self.stack.processor.dead_letters()))  # of earlier tests
        with Load(self.stack.gateway.port, limit=400, metadata=lambda number: {
                "fault": faults[number % 5]} if faults[number % 5] else {}) as load:
            pass
        self.stack.settled()
        load.expect_kept(self.stack.processor.result_ids()[results:])
        expected = {message_id for message_id, number in load.accepted.items()
                    if faults[number % 5] in ("throw", "reject")}
        letters = [letter["id"] for letter in self.stack.processor.dead_letters()[letters:]]
        self.assertEqual(sorted(letters), sorted(expected))


class Rescue(unittest.TestCase):
    def test_those_in_a_batch_with_a_slow_one(self):
        with Stack(processor={**FAULTY, "PROCESSOR_WORKERS": 1}).running() as stack:
            processor = stack.processor
            # Quick ones teach the worker to take many at once; what is gathered while the processor
            # stands still gets to it together.
            with Load(stack.gateway.port, limit=200):
                pass
            stack.settled()
            batch = [{}] * 6 + [{"fault": "slow:1500"}] + [{}] * 5
            with wire.Connection(stack.ingest.port) as client:
                with processor.suspended():
                    client.send(b"".join(wire.build("POST", "/ingest", good_body(metadata=metadata))
                                         for metadata in batch))
                    until("they are under way", lambda:
                          stack.ingest.metrics()["millrace_ingest_received_total"] == 212)
                ids = [client.read_response().json()["messageId"] for _ in batch]
            until("those before it are done", lambda: set(ids[:6]) <= set(processor.result_ids()))
            self.assertFalse(ids[6] in processor.result_ids(), "waited for the slow one")
            until("those with it were taken away",
                  lambda: processor.metrics()["millrace_pool_rescued_total"] > 0)
            stack.stop_services()
            self.assertEqual(sorted(processor.result_ids()[-len(ids):]), sorted(ids))


class DeadLetters(unittest.TestCase):
    def test_can_be_posted_again(self):
        """The message in one is what /enqueue takes: nothing of it was lost."""
        with Stack(processor=FAULTY).running() as stack:
            processor = stack.processor
            post(stack, "reject")
            (letter,) = until("a dead letter", processor.dead_letters)
            message = {**letter["message"], "metadata": {}}
            response = wire.request(processor.port, "POST", "/enqueue",
                                    json.dumps(message).encode())
            self.assertEqual(response.status, 202, response)
            processor.stop()
            last = processor.file_lines("results.ndjson")[-1]
            self.assertEqual((last["message_id"], last["success"]), (letter["id"], True))
            self.assertEqual(base64.b64decode(last["result"]), b"hello")


class Hanging(unittest.TestCase):
    settings = {**FAULTY, "PROCESSOR_WORKERS": 2, "HANDLER_TIMEOUT": "100ms",
                "SHUTDOWN_TIMEOUT": "400ms"}

    def hang(self, stack, count):
        ids = [post(stack, "hang") for _ in range(count)]
        until("the watchdog sees it",
              lambda: stack.processor.metrics()["millrace_pool_stuck_workers"] == count)
        return ids

    def expect_given_up(self, stack, hanging, waiting):
        """The drain ends in time though a thread never does, and keeps what it could not finish."""
        processor = stack.processor
        processor.send_signal(signal.SIGTERM)
        with within(0.4 + 0.5 + ANSWER_S):
            processor.expect_stopped(1)
        letters = {letter["id"]: letter for letter in processor.dead_letters()}
        self.assertEqual(len(letters), len(processor.dead_letters()))
        self.assertEqual(sorted(letters), sorted(hanging + waiting))
        self.assertEqual({letter["reason"] for letter in letters.values()}, {NOT_WORKED_OFF})
        self.assertEqual({letters[message_id]["attempts"] for message_id in hanging}, {1})
        for message_id in waiting:
            self.assertEqual(letters[message_id]["attempts"], 0)

    def test_one_hangs(self):
        with Stack(processor=self.settings).running() as stack:
            hanging = self.hang(stack, 1)
            entries = stack.processor.until_logged("handler stuck")
            self.assertEqual([entry["message_id"] for entry in entries], hanging)
            self.assertGreaterEqual(entries[0]["running_s"], 0.1)
            self.assertIn(entries[0]["worker"], (0, 1))
            self.assertEqual(stack.pool_stats()["stuck"], 1)

            others = [post(stack) for _ in range(100)]
            until("the others are worked off",
                  lambda: sorted(stack.processor.result_ids()) == sorted(others))
            self.assertEqual(len(stack.processor.logged("handler stuck")), 1)
            self.expect_given_up(stack, hanging, [])
            self.assertEqual(sorted(stack.processor.result_ids()), sorted(others))

    def test_all_hang(self):
        with Stack(processor=self.settings).running() as stack:
            hanging = self.hang(stack, 2)
            waiting = [post(stack) for _ in range(20)]
            self.assertEqual(stack.pool_stats()["in_flight"], 2)
            self.expect_given_up(stack, hanging, waiting)
            self.assertEqual(stack.processor.result_ids(), [])


class Full(unittest.TestCase):
    def test_burst_at_both_edges(self):
        capacity = 16
        settings = {**FAULTY, "QUEUE_SIZE": capacity, "PROCESSOR_WORKERS": 1}
        with Stack(processor=settings).running() as stack:
            loads = [Load(port, path, clients=4, limit=200, metadata=lambda _: {"fault": "slow:5"})
                     for port, path in ((stack.gateway.port, "/api/v1/ingest"),
                                        (stack.ingest.port, "/ingest"))]
            with loads[0], loads[1]:
                until("it is full", lambda: all(load.refused for load in loads))
                self.assertLessEqual(stack.processor.get_json("/stats")["queue"]["size"], capacity)
            totals = stack.settled()
            metrics = stack.processor.metrics()
            both = Load(stack.gateway.port)
            for load in loads:
                self.assertEqual(load.unknown, 0)
                self.assertEqual(len(load.accepted) + load.refused, 200)
                self.assertLess(load.slowest_s, ANSWER_S)
                both.accepted.update(load.accepted)
                both.wrong += load.wrong
                both.refused += load.refused
            self.assertEqual((totals["TotalReceived"], totals["TotalSent"], totals["TotalFailed"]),
                             (400, len(both.accepted), both.refused))
            self.assertEqual(metrics["millrace_queue_refused_total"], both.refused)
            stack.stop_services()
            both.expect_kept(stack.processor.result_ids())


if __name__ == "__main__":
    unittest.main()
