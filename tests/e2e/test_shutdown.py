"""The end of each executable under load: what was accepted is not lost, nothing is worked off
twice, who waits for an answer gets one, and the end comes in time.
"""

import contextlib
import signal
import unittest

import wire
from harness import ANSWER_S, INGEST_PATHS, PATIENCE, Service, Stack, good_body, until, within
from load import Load

NAMES = ("api-gateway", "ingest", "processor")
BODY = good_body()
QUEUE_SIZE = 200
# Slow enough that the queue fills, so that every end meets a backlog and refused clients.
BUSY = {"SINK": "file", "HANDLER": "faulty", "PROCESSOR_WORKERS": 2, "QUEUE_SIZE": QUEUE_SIZE}


def slow(_):
    return {"fault": "slow:2"}


def backlog(stack):
    return stack.processor.get_json("/stats")["queue"]["size"]


class UnderLoad(unittest.TestCase):
    shutdown_timeout_s = 10

    def with_load(self, name, end):
        """`end` stops the service of that name by some means; the others are stopped at last."""
        stack = Stack({"SHUTDOWN_TIMEOUT": f"{self.shutdown_timeout_s}s"}, processor=BUSY)
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(stack.discard)
            stack.start()
            with Load(stack.gateway.port, metadata=slow) as load:
                until("events are accepted", lambda: len(load.accepted) > 2 * QUEUE_SIZE)
                until("there is a backlog", lambda: backlog(stack) > QUEUE_SIZE / 4)
                end(stack, stack.service(name))
                if name != "api-gateway":
                    told = load.refused
                    until("clients are refused", lambda: load.refused > told + 10)
            stack.stop_services()
            load.expect_kept(stack.processor.result_ids())
            self.assertEqual(stack.processor.dead_letters(), [])

    def test_sigterm(self):
        def end(_, service):
            with within(self.shutdown_timeout_s + ANSWER_S):
                service.stop()

        for name in NAMES:
            with self.subTest(stopped=name):
                self.with_load(name, end)

    def test_all_at_once(self):
        def end(stack, _):
            for service in stack.services:
                service.send_signal(signal.SIGTERM)
            with within(self.shutdown_timeout_s + ANSWER_S):
                for service in stack.services:
                    service.expect_stopped()

        self.with_load("api-gateway", end)

    def test_kill_in_front_of_the_queue(self):
        for name in ("api-gateway", "ingest"):
            with self.subTest(killed=name):
                self.with_load(name, lambda _, service: service.kill())


class Drain(unittest.TestCase):
    @contextlib.contextmanager
    def under_way(self, name, settings):
        """A stack in which a request to that service waits for the next one, which stands still."""
        stack = Stack(settings)
        service = stack.service(name)
        behind = stack.ingest if name == "api-gateway" else stack.processor
        with stack.running(), wire.Connection(service.port, timeout_s=20 * PATIENCE) as client:
            with behind.suspended():
                client.send(wire.build("POST", INGEST_PATHS[name], BODY))
                until("the request is under way",
                      lambda: service.metrics()["millrace_hop_batch_size_count"] == 1)
                yield service, behind, client

    def test_request_under_way_is_answered(self):
        for name in ("api-gateway", "ingest"):
            settings = {"REQUEST_TIMEOUT": "20s"}
            with self.subTest(service=name), self.under_way(name, settings) as parts:
                service, behind, client = parts
                service.send_signal(signal.SIGTERM)
                service.until_logged("draining")
                behind.send_signal(signal.SIGCONT)
                response = client.read_response()
                self.assertEqual(response.status, 200, response)
                self.assertEqual(response.header("Connection"), "close")
                client.expect_close()
                service.expect_stopped()

    def test_request_under_way_to_a_peer_that_hangs_is_answered(self):
        for name in ("api-gateway", "ingest"):
            settings = {"REQUEST_TIMEOUT": "600ms"}
            with self.subTest(service=name), self.under_way(name, settings) as parts:
                service, _, client = parts
                service.send_signal(signal.SIGTERM)
                with within(0.6 + 2 * ANSWER_S):
                    self.assertEqual(client.read_response().status, 504)
                    service.expect_stopped()

    def test_time_limit(self):
        for name in ("api-gateway", "ingest"):
            settings = {"REQUEST_TIMEOUT": "60s", "SHUTDOWN_TIMEOUT": "500ms"}
            with self.subTest(service=name), self.under_way(name, settings) as parts:
                service, _, client = parts
                service.send_signal(signal.SIGTERM)
                with within(0.5 + ANSWER_S):
                    service.expect_stopped(1)
                self.assertEqual(len(service.logged("stopped, not drained")), 1)
                client.expect_close()

    def test_second_signal_stops_at_once(self):
        for name in ("api-gateway", "ingest"):
            settings = {"REQUEST_TIMEOUT": "60s"}
            with self.subTest(service=name), self.under_way(name, settings) as parts:
                self.expect_aborted(parts[0])

    def test_second_signal_stops_the_processor_at_once(self):
        with Stack(processor=BUSY).running() as stack:
            response = stack.ingest.post(good_body(metadata={"fault": "slow:60000"}))
            self.assertEqual(response.status, 200)
            until("a worker is busy", lambda: stack.pool_stats()["busy"] == 1)
            self.expect_aborted(stack.processor)

    def expect_aborted(self, service):
        service.send_signal(signal.SIGTERM)
        service.until_logged("draining")
        self.assertIsNone(service.process.poll(), "there is nothing left to abort")
        service.send_signal(signal.SIGTERM)
        with within():
            service.expect_stopped(1)
        self.assertEqual(len(service.logged("aborted")), 1)
        self.assertEqual(service.logged("stopped"), [])

    def test_idle_connections_do_not_delay_it(self):
        with Stack().running() as stack, contextlib.ExitStack() as opened:
            for service in reversed(stack.services):
                idle = [opened.enter_context(wire.Connection(service.port)) for _ in range(20)]
                for used in idle[::2]:
                    self.assertEqual(used.request("GET", "/livez").status, 200)
                with self.subTest(service=service.name), within():
                    service.stop()
                    for connection in idle:
                        connection.expect_close()

    def test_both_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number), Stack().running() as stack:
                for service in reversed(stack.services):
                    with within():
                        service.stop(number)
                    self.assertEqual([entry["signal"] for entry in service.logged("draining")],
                                     [number.name])

    def test_not_ready_meanwhile(self):
        for name in NAMES:
            for path in ("/readyz", "/health"):
                with self.subTest(service=name, path=path):
                    self.not_ready_meanwhile(name, path)

    def not_ready_meanwhile(self, name, path):
        service = Service(name)
        try:
            service.start(ready=name == "processor")
            with wire.Connection(service.port) as kept, within(5 * ANSWER_S):
                # A request that is under way keeps its connection, and with it a way to ask. The
                # answer to the one before it says that it has arrived so far.
                kept.send(wire.build("GET", "/livez") + wire.build("GET", path)[:-2])
                self.assertEqual(kept.read_response().status, 200)
                service.send_signal(signal.SIGTERM)
                service.until_logged("draining")
                kept.send(b"\r\n")
                response = kept.read_response()
                self.assertEqual(response.status, 503)
                self.assertIn("draining", response.json()["error"])
                self.assertTrue(response.header("Retry-After"))
                kept.expect_close()
            service.expect_stopped()
        finally:
            service.discard()

    def test_message_that_is_arriving_is_kept(self):
        processor = Service("processor", BUSY)
        message_id = "0192f0c1-2345-7abc-8def-0123456789ab"
        body = (b'{"id":"%s","timestamp":1700000000,"source":"e2e","payload":"aGVsbG8="}'
                % message_id.encode())
        request = wire.build("POST", "/enqueue", body)
        try:
            processor.start()
            with wire.Connection(processor.port) as client:
                client.send(wire.build("GET", "/livez") + request[:-10])
                self.assertEqual(client.read_response().status, 200)
                processor.send_signal(signal.SIGTERM)
                processor.until_logged("draining")
                client.send(request[-10:])
                self.assertEqual(client.read_response().status, 202)
            processor.expect_stopped()
            self.assertEqual(processor.result_ids(), [message_id])
        finally:
            processor.discard()


if __name__ == "__main__":
    unittest.main()
