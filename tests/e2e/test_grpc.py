"""What the gRPC door promises: accepted means kept, told message by message."""

import signal
import threading
import unittest

from grpc_client import CALL_S, GrpcTestCase, details_of, health, request
from harness import until

class Calls(GrpcTestCase):
    def test_one_message(self):
        self.start()
        ids = [self.client.ingest(request(metadata={"k": "v"}), timeout=CALL_S).message_id,
               self.connect(service="IngestService").ingest(request(), timeout=CALL_S).message_id]
        self.expect_results(ids)
        self.assertEqual(len(set(ids)), 2)

    def test_stream_is_counted(self):
        self.start()
        answer = self.client.stream(iter([request()] * 5000), timeout=CALL_S)
        self.assertEqual((answer.status, answer.accepted, answer.rejected),
                         ("accepted", 5000, 0))
        until("all are worked off", lambda: len(self.results()) == 5000, 20)
        self.assertIn(answer.message_id, self.results())
        empty = self.client.stream(iter(()), timeout=CALL_S)
        self.assertEqual((empty.status, empty.accepted, empty.message_id), ("accepted", 0, ""))

    def test_stream_with_bad_messages_in_it(self):
        self.start()
        messages = [request(), request(source=""), request(), b"\xff\xff", request()]
        answer = self.client.stream(iter(messages), timeout=CALL_S)
        self.assertEqual((answer.status, answer.accepted, answer.rejected), ("partial", 3, 2))
        self.assertEqual((answer.first_error.index, answer.first_error.code), (1, 3))
        self.assertIn("source", answer.first_error.message)
        self.assertFalse(answer.first_error.retryable)
        with self.fails("INVALID_ARGUMENT", "source", "2 rejected of 2") as caught:
            self.client.stream(iter([request(source="")] * 2), timeout=CALL_S)
        details = details_of(caught[0])
        self.assertEqual(details["BadRequest"].field_violations[0].field, "source")
        self.assertEqual(details["IngestProgress"].rejected, 2)

    def test_acks_name_every_message_once(self):
        self.start()
        messages = [request(source="" if i % 100 == 7 else "e2e") for i in range(3000)]
        ids, rejected, expected = [], [], 0
        for ack in self.client.acks(iter(messages), timeout=CALL_S):
            self.assertEqual(ack.index, expected)
            expected += ack.count
            if ack.status == "accepted":
                self.assertEqual(len(ack.message_ids), ack.count)
                ids.extend(ack.message_ids)
            else:
                self.assertEqual(ack.problem.index, ack.index)
                rejected.extend(range(ack.index, ack.index + ack.count))
        self.assertEqual(expected, 3000)
        self.assertEqual(rejected, list(range(7, 3000, 100)))
        self.expect_results(ids)

    def test_acks_come_while_the_stream_is_open(self):
        self.start()
        told = threading.Semaphore(0)

        def one_after_the_other():
            for _ in range(20):
                yield request()
                self.assertTrue(told.acquire(timeout=CALL_S), "no ack for the message before")

        for i, ack in enumerate(self.client.acks(one_after_the_other(), timeout=CALL_S)):
            self.assertEqual((ack.index, ack.count), (i, 1))
            told.release()

    def test_metadata_comes_back(self):
        self.start()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        _, call = self.client.ingest.with_call(
            request(), timeout=CALL_S,
            metadata=(("x-request-id", "mine-1"), ("traceparent", trace)))
        answered = dict(call.initial_metadata())
        self.assertEqual(answered["x-request-id"], "mine-1")
        self.assertEqual(answered["traceparent"][:36], trace[:36])
        self.assertNotEqual(answered["traceparent"], trace)
        _, call = self.client.ingest.with_call(request(), timeout=CALL_S)
        self.assertEqual(len(dict(call.initial_metadata())["x-request-id"]), 36)

    def test_metrics(self):
        self.start()
        self.client.stream(iter([request()] * 10), timeout=CALL_S)
        with self.fails("INVALID_ARGUMENT"):
            self.client.ingest(request(source=""), timeout=CALL_S)
        counted = self.server.counted
        self.assertEqual(counted("grpc_server_started_total", grpc_method="IngestStream"), 1)
        self.assertEqual(counted("grpc_server_msg_received_total", grpc_method="IngestStream"), 10)
        self.assertEqual(counted("grpc_server_handled_total", grpc_code="InvalidArgument"), 1)
        self.assertEqual(counted("grpc_server_handling_seconds_count", grpc_method="Ingest"), 1)
        self.assertEqual(counted("grpc_server_open_calls"), 0)
        self.assertEqual(self.server.get_json("/stats")["TotalSent"], 10)

class Idempotency(GrpcTestCase):
    def test_one_message(self):
        self.start()
        key = (("idempotency-key", "k1"),)
        first = self.client.ingest(request(), timeout=CALL_S, metadata=key)
        again = self.client.ingest(request(), timeout=CALL_S, metadata=key)
        in_message = self.client.ingest(request(idempotency_key="k1"), timeout=CALL_S)
        _, call = self.client.ingest.with_call(request(), timeout=CALL_S, metadata=key)
        self.assertEqual(dict(call.initial_metadata())["idempotency-key"], "k1")
        self.assertEqual(len({first.message_id, again.message_id, in_message.message_id}), 1)
        with self.fails("INVALID_ARGUMENT", "another body"):
            self.client.ingest(request(data=b"y"), timeout=CALL_S, metadata=key)
        self.expect_results([first.message_id])

    def test_a_stream_sent_again_is_the_same_messages(self):
        self.start()
        key = (("idempotency-key", "s1"),)

        def send(count):
            return [i for ack in self.client.acks(iter([request()] * count), timeout=CALL_S,
                                                  metadata=key) for i in ack.message_ids]

        begun = send(40)
        whole = send(100)
        self.assertEqual(whole[:40], begun)
        self.assertEqual(len(set(whole)), 100)
        self.expect_results(whole)

class Failures(GrpcTestCase):
    def test_processor_is_away(self):
        self.start()
        self.assert_works()
        self.assertEqual(self.client.serving(), "SERVING")
        self.processor.kill()
        with self.fails("UNAVAILABLE") as caught:
            self.client.ingest(request(), timeout=CALL_S)
        self.assertEqual(details_of(caught[0])["RetryInfo"].retry_delay.seconds, 1)
        for name in ("", "diplom.v1.IngestService", "IngestService"):
            until("it says so", lambda name=name: self.client.serving(name) == "NOT_SERVING")
        until("readyz says so too", lambda: self.server.probe("/readyz") == 503)
        self.assertIn(f"queue: 127.0.0.1:{self.processor.port}", self.server.health()["error"])
        self.assertEqual(self.server.metrics().total("millrace_queue_connected"), 0)
        self.assertEqual(self.server.healthcheck().returncode, 1)
        self.processor.start()
        until("it serves again", lambda: self.client.serving() == "SERVING")
        self.assertEqual([one["name"] for one in self.server.health()["components"]],
                         ["queue", "memory"])
        self.assertRegex(self.server.healthcheck().stdout, r"\Agrpc-server: healthy, .* ms\n\Z")
        self.assertEqual(
            self.server.metrics().total("millrace_queue_connected", provider="memory"), 1)
        self.assert_works()
        self.assertEqual(self.client.serving("no.such.Service"), "NOT_FOUND")

    def test_health_is_watched(self):
        self.start()
        watch = self.client.watch(health.HealthCheckRequest())
        states = iter(watch)
        self.assertEqual(next(states).status, health.HealthCheckResponse.SERVING)
        self.processor.kill()
        self.assertEqual(next(states).status, health.HealthCheckResponse.NOT_SERVING)
        self.processor.start()
        self.assertEqual(next(states).status, health.HealthCheckResponse.SERVING)
        unknown = iter(self.client.watch(health.HealthCheckRequest(service="no.such.Service")))
        self.assertEqual(next(unknown).status, health.HealthCheckResponse.SERVICE_UNKNOWN)
        self.server.stop()
        self.assertEqual(next(states).status, health.HealthCheckResponse.NOT_SERVING)

    def test_no_verdict_in_time_is_said_as_that(self):
        self.start(REQUEST_TIMEOUT="300ms")
        with self.processor.suspended():
            acks = list(self.client.acks(iter([request()]), timeout=CALL_S))
            self.assertEqual([(ack.index, ack.count, ack.status, ack.problem.code)
                              for ack in acks], [(0, 1, "unknown", 4)])
            self.assertTrue(acks[0].problem.retryable)
            with self.fails("DEADLINE_EXCEEDED", "unknown"):
                self.client.ingest(request(), timeout=CALL_S)

    def test_full_is_an_answer_to_one_and_a_pause_to_a_stream(self):
        self.start(processor={"QUEUE_SIZE": 8, "PROCESSOR_WORKERS": 1, "HANDLER": "faulty"})
        slow = request(metadata={"fault": "slow:20"})
        answers = [self.client.ingest.future(slow, timeout=CALL_S) for _ in range(40)]
        codes = {answer.code().name for answer in answers}
        self.assertEqual(codes, {"OK", "RESOURCE_EXHAUSTED"})
        refused = next(a for a in answers if a.code().name == "RESOURCE_EXHAUSTED")
        self.assertIn("RetryInfo", details_of(refused.exception()))
        answer = self.client.stream(iter([slow] * 60), timeout=CALL_S)
        self.assertEqual((answer.accepted, answer.rejected), (60, 0))

    def test_cancelled_in_the_middle(self):
        self.start()
        sent = threading.Event()

        def messages():
            for _ in range(10_000):
                yield request()
            sent.set()
            threading.Event().wait(CALL_S)

        call = self.client.stream.future(messages(), timeout=CALL_S)
        sent.wait(CALL_S)
        call.cancel()
        until("it is over", lambda: self.server.counted(
            "grpc_server_handled_total", grpc_code="Canceled") == 1 or self.server.counted(
                "grpc_server_handled_total", grpc_code="Cancelled") == 1)
        stats = self.server.get_json("/stats")
        self.assertEqual(stats["TotalReceived"], stats["TotalSent"] + stats["TotalFailed"])
        until("what was accepted is worked off",
              lambda: len(self.results()) == stats["TotalSent"], 20)
        self.assert_works()

class Shutdown(GrpcTestCase):
    def test_streams_are_told_what_was_accepted(self):
        self.start()
        over = threading.Event()
        told, ids = threading.Event(), []

        def messages():
            while not over.wait(0.001):
                yield request()

        call = self.client.acks(messages(), timeout=CALL_S)
        counted = self.connect().stream.future(messages(), timeout=CALL_S)
        with self.fails("UNAVAILABLE", "shutting down") as caught:
            for ack in call:
                ids.extend(ack.message_ids)
                if len(ids) > 200 and not told.is_set():
                    told.set()
                    self.server.send_signal(signal.SIGTERM)
        over.set()
        progress = details_of(caught[0])["IngestProgress"]
        self.assertEqual(progress.accepted, len(ids))
        self.assertEqual(progress.last_message_id, ids[-1])
        self.assertEqual(counted.code().name, "UNAVAILABLE")
        other = details_of(counted.exception())["IngestProgress"]
        self.assertGreater(other.accepted, 0)
        self.server.expect_stopped()
        until("all that was accepted is worked off",
              lambda: len(self.results()) == len(ids) + other.accepted, 20)
        self.assertLessEqual(set(ids), set(self.results()))
        with self.fails("UNAVAILABLE"):
            self.client.ingest(request(), timeout=CALL_S)

    def test_a_silent_stream_does_not_hold_it_up(self):
        self.start()
        silent = threading.Event()
        self.addCleanup(silent.set)
        call = self.client.acks(iter(silent.wait, True), timeout=CALL_S)
        until("it is open", lambda: self.server.counted("grpc_server_open_calls") == 1)
        self.server.stop()
        self.assertEqual(call.code().name, "UNAVAILABLE")

if __name__ == "__main__":
    unittest.main()
