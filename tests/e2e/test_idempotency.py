"""A request that is repeated with its Idempotency-Key has one effect."""

import collections
import threading
import unittest

import wire
from harness import Stack, StackTestCase, good_body, until


def results_of(stack):
    return collections.Counter(stack.processor.result_ids())


class Repeated(StackTestCase):
    stack_options = {"processor": {"SINK": "file", "HANDLER": "faulty"}}

    def post(self, key, data="hello", service=None):
        response = (service or self.stack.gateway).post(good_body(data=data),
                                                        {"Idempotency-Key": key})
        return response.status, response.json().get("messageId"), response.json().get("detail")

    def test_one_id_and_one_result(self):
        first = self.post("one")
        self.assertEqual(first[0], 200)
        self.assertEqual([self.post("one") for _ in range(5)], [first] * 5)
        self.assertEqual(self.post("one", service=self.stack.ingest), first)
        other = self.post("another")
        until("both are worked off",
              lambda: {first[1], other[1]} <= results_of(self.stack).keys())
        self.stack.settled_processor()
        self.assertEqual(results_of(self.stack)[first[1]], 1)

    def test_another_body(self):
        self.assertEqual(self.post("body")[0], 200)
        status, _, detail = self.post("body", data="changed")
        self.assertEqual(status, 422)
        self.assertIn("Idempotency-Key", detail)

    def test_at_the_same_time(self):
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.post("same time")))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(answers)), 1, answers)
        self.assertEqual(answers[0][0], 200)
        until("it is worked off", lambda: results_of(self.stack)[answers[0][1]])
        self.stack.settled_processor()
        self.assertEqual(results_of(self.stack)[answers[0][1]], 1)


class AtTheWorkers(unittest.TestCase):
    """Ids that come to the queue twice: what ingest can't know."""

    settings = {"SINK": "file", "PROCESSOR_WORKERS": 4, "HANDLER": "faulty"}
    message = b'{"id":"the-id","timestamp":1700000000,"source":"s","payload":"aGk=","metadata":%s}'

    def enqueue(self, stack, metadata=b"{}"):
        response = wire.request(stack.processor.port, "POST", "/enqueue", self.message % metadata)
        self.assertEqual(response.status, 202, response)

    def test_once_within_the_window(self):
        with Stack(processor=self.settings).running() as stack:
            for _ in range(20):
                self.enqueue(stack, b'{"fault":"slow:50"}')
            until("all are settled", lambda: stack.processor.metrics()[
                "millrace_queue_acked_total"] == 20)
            self.assertEqual(results_of(stack), {"the-id": 1})
            self.assertEqual(stack.pool_stats()["duplicates"], 19)

    def test_again_when_the_window_is_over(self):
        with Stack(processor={**self.settings, "DEDUPE_WINDOW": "0"}).running() as stack:
            for count in range(1, 4):
                self.enqueue(stack)
                until("it is worked off", lambda: results_of(stack)["the-id"] == count)

    def test_tried_again_with_its_copies(self):
        with Stack(processor=self.settings).running() as stack:
            for _ in range(5):
                self.enqueue(stack, b'{"fault":"retry-until:2"}')
            until("all are settled", lambda: stack.processor.metrics()[
                "millrace_queue_acked_total"] == 5)
            self.assertEqual(results_of(stack), {"the-id": 1})


if __name__ == "__main__":
    unittest.main()
