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
    message = b'{"id":"%s","timestamp":1700000000,"source":"s","payload":"aGk=","metadata":%s}'

    def enqueue(self, stack, metadata=b"{}", message_id=b"the-id"):
        response = wire.request(stack.processor.port, "POST", "/enqueue",
                                self.message % (message_id, metadata))
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
        def comes_again():
            self.enqueue(stack)
            return results_of(stack)["the-id"] == 2

        with Stack(processor={**self.settings, "DEDUPE_WINDOW": "200ms"}).running() as stack:
            self.enqueue(stack)
            until("it is worked off", lambda: results_of(stack)["the-id"] == 1)
            until("it is worked off again", comes_again)

    def test_not_at_all_without_a_window(self):
        with Stack(processor={**self.settings, "DEDUPE_WINDOW": "0"}).running() as stack:
            for count in range(1, 4):
                self.enqueue(stack)
                until("it is worked off", lambda: results_of(stack)["the-id"] == count)

    def test_the_latest_ids_are_known(self):
        with Stack(processor={**self.settings, "DEDUPE_MAX": "10"}).running() as stack:
            def enqueue_and_settle(message_id, acked):
                self.enqueue(stack, message_id=message_id)
                until("it is settled", lambda: stack.processor.metrics()[
                    "millrace_queue_acked_total"] == acked)

            for number in range(20):
                enqueue_and_settle(b"id-%d" % number, number + 1)
            enqueue_and_settle(b"id-19", 21)
            enqueue_and_settle(b"id-0", 22)
            results = results_of(stack)
            self.assertEqual((results["id-19"], results["id-0"]), (1, 2))

    def test_tried_again_with_its_copies(self):
        with Stack(processor=self.settings).running() as stack:
            for _ in range(5):
                self.enqueue(stack, b'{"fault":"retry-until:2"}')
            until("all are settled", lambda: stack.processor.metrics()[
                "millrace_queue_acked_total"] == 5)
            self.assertEqual(results_of(stack), {"the-id": 1})

    def test_again_after_a_restart(self):
        with Stack(processor=self.settings).running() as stack:
            self.enqueue(stack)
            until("it is worked off", lambda: results_of(stack)["the-id"] == 1)
            stack.processor.stop()
            stack.processor.start()
            self.enqueue(stack)
            until("it is worked off again", lambda: results_of(stack)["the-id"] == 2)


class AfterARestart(unittest.TestCase):
    """Ingest and the processor each know a key on their own: one of them is enough."""

    def restart_and_repeat(self, restarted, stored):
        with Stack(processor={"SINK": "file"}).running() as stack:
            def post():
                response = stack.gateway.post(good_body(), {"Idempotency-Key": "key"})
                self.assertEqual(response.status, 200, response)
                return response.json()["messageId"]

            first = post()
            until("it is worked off", lambda: results_of(stack)[first])
            service = stack.service(restarted)
            service.stop()
            service.start()
            until("the gateway reaches it", stack.gateway.is_ready)
            self.assertEqual(post(), first)
            self.assertEqual(stack.processor.metrics()["millrace_queue_stored_total"], stored)
            until("all are settled", lambda: stack.processor.metrics()[
                "millrace_queue_acked_total"] == stored)
            self.assertEqual(results_of(stack), {first: 1})

    def test_of_ingest(self):
        self.restart_and_repeat("ingest", stored=2)  # published again; the processor knows the id

    def test_of_the_processor(self):
        self.restart_and_repeat("processor", stored=0)  # not published: ingest knows the key


if __name__ == "__main__":
    unittest.main()
