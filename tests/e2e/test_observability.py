"""What the services say of themselves: logs that a machine can read and that keep secrets, counters
that keep the books, series that don't grow with what strangers send.
"""

import datetime
import re
import signal
import unittest

import exposition
import wire
from harness import INGEST_PATHS, Stack, StackTestCase, good_body, until
from load import Load

LEVELS = ("debug", "info", "warn", "error")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECRET = "confidential-payload"
SECRET_TOO = "confidential-metadata"


class Logs(unittest.TestCase):
    def test_every_line_of_a_life(self):
        """From the start over all that can go wrong to the end, at the most talkative level."""
        settings = {"LOG_LEVEL": "debug", "SINK": "log", "HANDLER": "faulty", "MAX_ATTEMPTS": 2,
                    "HANDLER_TIMEOUT": "50ms", "QUEUE_SIZE": 8, "PROCESSOR_WORKERS": 1}
        with Stack(settings).running() as stack:
            self.make_trouble(stack)
            for service in stack.services:
                service.send_signal(signal.SIGHUP)
                service.until_logged("reopening files")
            stack.stop_services()
            for service in stack.services:
                with self.subTest(service=service.name):
                    self.check_lines(service)
                    events = [entry["event"] for entry in service.log_lines()]
                    self.assertEqual(events[0], "starting")
                    lives = 2 if service is stack.processor else 1
                    self.assertEqual(events.count("ready"), lives)
                    self.assertEqual(events[-1], "stopped")
                    for secret in (SECRET, SECRET_TOO):
                        self.assertNotIn(secret, service.log())

    def make_trouble(self, stack):
        def secret_body(fault):
            return good_body(data=SECRET, metadata={"fault": fault, "k": SECRET_TOO})

        for edge in (stack.gateway, stack.ingest):
            for fault in ("none", "throw", "reject", "retry-until:2"):
                self.assertEqual(edge.post(secret_body(fault)).status, 200)
            self.assertEqual(edge.post(b'{"' + SECRET.encode()).status, 400)
            self.assertEqual(edge.post(good_body(metadata={SECRET_TOO: 7})).status, 422)
            self.assertEqual(wire.request(edge.port, "GET", f"/{SECRET}").status, 404)
            self.assertEqual(wire.request(edge.port, SECRET.upper(), "/livez").status, 405)
            with wire.Connection(edge.port) as connection:
                connection.send(SECRET.encode() + b"\r\n\r\n")
                self.assertEqual(connection.read_response().status, 400)
        stack.settled()
        answers = [stack.gateway.post(secret_body("slow:300")).status for _ in range(12)]
        self.assertIn(503, answers)
        stack.processor.until_logged("handler stuck")
        stack.settled()
        stack.processor.kill()
        until("clients are refused",
              lambda: stack.gateway.post(secret_body("none")).status == 503)
        stack.ingest.until_logged("upstream unavailable")
        stack.processor.start()

    def check_lines(self, service):
        lines = service.log_lines()
        stamps = [entry["ts"] for entry in lines]
        self.assertEqual(stamps, sorted(stamps))
        for entry in lines:
            self.assertTrue(TIMESTAMP.fullmatch(entry["ts"]), entry)
            self.assertEqual(entry["service"], service.name)
            self.assertIn(entry["level"], LEVELS)
            self.assertTrue(entry["event"])
            if entry["event"] == "request":
                self.check_request_line(entry)
        self.assertTrue(service.logged("request"))
        now = datetime.datetime.now(datetime.timezone.utc)
        last = datetime.datetime.strptime(stamps[-1], "%Y-%m-%dT%H:%M:%S.%f%z")
        self.assertLess(abs((now - last).total_seconds()), 60)

    def check_request_line(self, entry):
        self.assertEqual(set(entry), {"ts", "level", "service", "event", "request_id", "route",
                                      "method", "status", "took_us"})
        self.assertTrue(entry["request_id"])
        self.assertIn(entry["status"], range(200, 600))
        self.assertGreaterEqual(entry["took_us"], 0)

    def test_level(self):
        for level in ("info", "warn"):
            with self.subTest(level=level), Stack({"LOG_LEVEL": level}).running() as stack:
                self.assertEqual(stack.gateway.post().status, 200)
                stack.stop_services()
                for service in stack.services:
                    least = LEVELS.index(level)
                    for entry in service.log_lines():
                        self.assertGreaterEqual(LEVELS.index(entry["level"]), least, entry)
                    self.assertEqual(bool(service.logged("stopped")), level == "info")

    def test_request_id_goes_with_the_request(self):
        with Stack({"LOG_LEVEL": "debug"}, processor={"SINK": "log"}).running() as stack:
            for edge in (stack.gateway, stack.ingest):
                request_id = f"traced-at-{edge.name}"
                response = edge.post(headers={"X-Request-Id": request_id})
                message_id = response.json()["messageId"]
                with self.subTest(edge=edge.name):
                    (request,) = self.with_id(edge, "request", request_id)
                    self.assertEqual((request["route"], request["status"]), ("ingest", 200))
                    (ingested,) = self.with_id(stack.ingest, "ingested", request_id)
                    self.assertEqual((ingested["message_id"], ingested["outcome"]),
                                     (message_id, "ok"))
                    until("the processor logs the message", lambda message_id=message_id: [
                        entry for entry in stack.processor.logged("result")
                        if entry["message_id"] == message_id])

    def test_request_id_of_a_refused_one(self):
        with Stack({"LOG_LEVEL": "debug"}).running() as stack:
            response = stack.gateway.post(b"[]", {"X-Request-Id": "traced-refusal"})
            self.assertEqual(response.json()["request_id"], "traced-refusal")
            (ingested,) = self.with_id(stack.ingest, "ingested", "traced-refusal")
            self.assertEqual(ingested["outcome"], "rejected")

    def with_id(self, service, event, request_id):
        return until(f"{service.name} logs {request_id}", lambda: [
            entry for entry in service.logged(event) if entry["request_id"] == request_id])


class Metrics(StackTestCase):
    stack_options = {"processor": {"HANDLER": "faulty"}}

    def test_promtool_has_no_complaint(self):
        for edge in (self.stack.gateway, self.stack.ingest):
            self.assertEqual(edge.post().status, 200)
            self.assertEqual(edge.post(b"{").status, 400)
        for service in self.stack.services:
            with self.subTest(service=service.name):
                response = wire.request(service.port, "GET", "/metrics")
                self.assertTrue(response.header("Content-Type").startswith("text/plain"))
                self.assertEqual(exposition.promtool_complaints(response.body.decode()), "")

    def test_promtool_would_complain(self):
        self.assertTrue(exposition.promtool_complaints("# TYPE a counter\na 1\n"))

    def test_strangers_make_no_series(self):
        for service in self.stack.services:
            with self.subTest(service=service.name):
                self.stray_requests(service, "first")
                before = service.metrics().series()
                self.stray_requests(service, "second")
                self.assertEqual(service.metrics().series() ^ before, set())

    def stray_requests(self, service, word):
        path = INGEST_PATHS.get(service.name, "/enqueue")
        for i in range(20):
            for method in ("GET", "POST", f"{word.upper()}{i}"):
                wire.request(service.port, method, f"/{word}/{i}?{word}={i}")
                wire.request(service.port, method, f"{path}/{word}{i}")
            wire.request(service.port, f"{word.upper()}{i}", path)
            wire.request(service.port, "GET", "/livez", host=f"{word}{i}",
                         headers={"X-Request-Id": f"{word}-{i}", "User-Agent": f"{word}/{i}"})
            wire.request(service.port, "POST", path, good_body(source=f"{word}-{i}"),
                         {"Idempotency-Key": f"{word}-{i}", "Content-Type": f"text/{word}{i}"})
            if path != "/enqueue":
                service.post(good_body(source=f"{word}-{i}"), {"Idempotency-Key": f"{word}-{i}"})

    def test_a_request_counts_once(self):
        for service in (self.stack.gateway, self.stack.ingest):
            with self.subTest(service=service.name):
                labels = {"route": "ingest", "method": "POST"}
                before = service.metrics()
                self.assertEqual(service.post().status, 200)
                self.assertEqual(service.post(b"{").status, 400)
                after = service.metrics()
                for status in ("200", "400"):
                    for name in ("millrace_http_requests_total",
                                 "millrace_http_request_seconds_count"):
                        self.assertEqual(after.total(name, **labels, status=status),
                                         before.total(name, **labels, status=status) + 1)

    def test_process_and_build(self):
        for service in self.stack.services:
            metrics = service.metrics()
            self.assertEqual(metrics.total("millrace_build_info", service=service.name), 1)
            self.assertGreater(metrics["process_resident_memory_bytes"], 1e6)
            self.assertGreater(metrics["process_cpu_seconds_total"], 0)
            self.assertIn(metrics["process_open_fds"] - service.open_files(), range(-5, 6))


class Books(unittest.TestCase):
    """accepted = processed + dead-lettered + in flight + in the queue, at rest and meanwhile."""

    faults = ("reject", "retry-until:2", "throw", None, None)
    settings = {"HANDLER": "faulty", "SINK": "file", "PROCESSOR_WORKERS": 1, "QUEUE_SIZE": 50,
                "MAX_ATTEMPTS": 2}

    def fault_of(self, number):
        fault = self.faults[number % len(self.faults)]
        return {"fault": fault} if fault else {}

    def test_at_rest(self):
        with Stack(processor=self.settings).running() as stack:
            with Load(stack.gateway.port, clients=8, limit=500, metadata=self.fault_of) as load:
                pass
            self.assertEqual(load.wrong, [])
            stack.settled()
            until("nothing is held", lambda: self.held(stack.processor.metrics()) == 0)
            self.check_edges(stack, load)
            metrics = stack.processor.metrics()
            self.check_processor(metrics, len(load.accepted))
            failed = sum(1 for number in load.accepted.values()
                         if self.fault_of(number).get("fault") in ("reject", "throw"))
            self.assertEqual(metrics["millrace_pool_errors_total"], failed)
            self.assertEqual(len(stack.processor.dead_letters()), failed)
            load.expect_kept(stack.processor.result_ids())

    def check_edges(self, stack, load):
        gateway, ingest = stack.gateway.metrics(), stack.ingest.metrics()

        def answered(status):
            return gateway.total("millrace_http_requests_total", route="ingest", method="POST",
                                 status=status)

        self.assertEqual((answered("200"), answered("503")), (len(load.accepted), load.refused))
        self.assertEqual([ingest[f"millrace_ingest_{name}_total"]
                          for name in ("received", "sent", "failed")],
                         [500, len(load.accepted), load.refused])
        stats = stack.ingest_stats()
        self.assertEqual([stats[name] for name in ("TotalReceived", "TotalSent", "TotalFailed")],
                         [500, len(load.accepted), load.refused])
        for service, hop in ((gateway, "ingest"), (ingest, "processor")):
            self.assertEqual(service.total("millrace_hop_batch_size_sum", hop=hop), 500)

    @staticmethod
    def held(metrics):
        return metrics["millrace_queue_depth_messages"] + metrics["millrace_pool_in_flight"]

    def check_processor(self, metrics, accepted):
        """By two ways: as the pool counts and as the queue does."""
        processed = metrics["millrace_pool_processed_total"]
        errors = metrics["millrace_pool_errors_total"]
        retries = metrics["millrace_pool_retries_total"]
        received = metrics["millrace_queue_received_total"]
        settled = {name: metrics[f"millrace_queue_{name}_total"]
                   for name in ("acked", "rejected", "retried", "nacked")}
        self.assertEqual(metrics["millrace_queue_stored_total"], accepted)
        self.assertEqual(accepted, processed + errors + self.held(metrics))
        self.assertEqual((settled["acked"], settled["rejected"], settled["retried"]),
                         (processed, errors, retries))
        self.assertEqual(received, sum(settled.values()) + metrics["millrace_pool_in_flight"])
        self.assertEqual(metrics["millrace_pool_dead_letters_total"], errors)
        self.assertEqual(metrics["millrace_end_to_end_seconds_count"], processed + errors)
        self.assertEqual((metrics["millrace_queue_capacity_messages"],
                          metrics["millrace_pool_workers"]), (50, 1))

    def test_while_the_queue_is_held_up(self):
        settings = {**self.settings, "SHUTDOWN_TIMEOUT": "200ms"}
        with Stack(processor=settings).running() as stack:
            processor = stack.processor
            for body in (good_body(), good_body(metadata={"fault": "reject"}),
                         good_body(metadata={"fault": "slow:60000"})):
                self.assertEqual(stack.ingest.post(body).status, 200)
            until("the worker is held up", lambda: stack.pool_stats()["busy"] == 1 and
                  len(processor.result_ids()) == 2)
            with Load(stack.gateway.port, limit=60) as load:
                pass
            self.assertEqual((len(load.accepted), load.refused), (49, 11))
            until("they wait in the queue",
                  lambda: processor.metrics()["millrace_queue_depth_messages"] == 49)
            metrics = processor.metrics()
            self.assertEqual(metrics["millrace_pool_busy_workers"], 1)
            self.assertEqual(metrics["millrace_pool_in_flight"], 1)
            self.assertEqual(metrics["millrace_queue_refused_total"], 11)
            self.check_processor(metrics, 52)
            # At the end of time the slow one obeys, and the rest are dead letters: none is missing.
            processor.send_signal(signal.SIGTERM)
            processor.expect_stopped(1)
            waited = [letter["id"] for letter in processor.dead_letters()][1:]
            load.expect_kept(waited)
            self.assertEqual(len(processor.result_ids()), 3)


if __name__ == "__main__":
    unittest.main()
