"""What the tests have in common: the three executables one behind the other, and a test class that
has them running.
"""

import contextlib
import functools
import unittest

import wire
from service import (ANSWER_S, INGEST_PATHS, PATIENCE, PORT_VARIABLES, SANITIZE, Service,
                     clean_environment, executable, free_port, good_body, until, within)

__all__ = ["ANSWER_S", "INGEST_PATHS", "PATIENCE", "PORT_VARIABLES", "SANITIZE", "Service", "Stack",
           "StackTestCase", "at_each_edge", "clean_environment", "executable", "free_port",
           "good_body", "until", "within"]


class Stack:
    """processor, ingest and gateway, one behind the other. `settings` go to all three."""

    def __init__(self, settings=None, processor=None, ingest=None, gateway=None):
        settings = settings or {}
        self.processor = Service("processor", {**settings, **(processor or {})})
        upstream = {"PROCESSOR_URL": self.processor.url}
        self.ingest = Service("ingest", {**settings, **upstream, **(ingest or {})})
        upstream = {"INGEST_URL": self.ingest.url, "PROCESSOR_URL": self.processor.url}
        self.gateway = Service("api-gateway", {**settings, **upstream, **(gateway or {})})
        self.services = (self.processor, self.ingest, self.gateway)

    def start(self):
        try:
            for service in self.services:
                service.start()
        except BaseException:
            self.discard()
            raise
        return self

    def stop_services(self):
        """In flow order, so that nothing accepted is left behind; those stopped already are not."""
        for service in reversed(self.services):
            service.stop()

    def stop(self):
        try:
            self.stop_services()
        finally:
            self.discard()

    @contextlib.contextmanager
    def running(self):
        """Started; at the end what still runs must drain with exit code 0."""
        try:
            self.start()
            yield self
            self.stop_services()
        finally:
            self.discard()

    def discard(self):
        for service in self.services:
            service.discard()

    def service(self, name):
        return next(service for service in self.services if service.name == name)

    def ingest_stats(self):
        return self.ingest.get_json("/stats")

    def pool_stats(self):
        return self.processor.get_json("/stats")["pool"]

    def settled(self):
        """The counters once all that was sent is worked off: what must not move by itself."""
        def counters():
            ingest, pool = self.ingest_stats(), self.pool_stats()
            totals = {name: ingest[name] for name in ("TotalReceived", "TotalSent", "TotalFailed")}
            totals.update({name: pool[name] for name in ("processed", "errors")})
            done = pool["processed"] + pool["errors"] >= ingest["TotalSent"]
            answered = ingest["TotalReceived"] == ingest["TotalSent"] + ingest["TotalFailed"]
            return totals if done and answered else None

        return until("everything sent is worked off", counters)

    def settled_processor(self):
        """Nothing waits in the queue and nothing is in work."""
        def at_rest():
            metrics = self.processor.metrics()
            return (metrics["millrace_queue_depth_messages"] == 0 and
                    metrics["millrace_pool_in_flight"] == 0)

        until("the processor is at rest", at_rest)


def at_each_edge(test):
    """Runs a test of a StackTestCase at both places that take a client's JSON."""
    @functools.wraps(test)
    def run(self):
        for service in (self.stack.gateway, self.stack.ingest):
            with self.subTest(edge=service.name):
                test(self, service.port, INGEST_PATHS[service.name])
    return run


class StackTestCase(unittest.TestCase):
    """A test class with a stack of its own, which must drain with exit code 0 at the end."""

    stack_options = {}
    stack = None

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(**cls.stack_options).start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    def assert_works(self, port, path):
        with within():
            response = wire.request(port, "POST", path, good_body())
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.json()["status"], "accepted")

    def assert_problem(self, response, status, *words):
        """An RFC 9457 answer of that status whose detail says each of `words`."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.header("Content-Type"), "application/problem+json", response)
        problem = response.json()
        self.assertEqual(problem["status"], status)
        for field in ("type", "title", "detail"):
            self.assertIsInstance(problem[field], str, problem)
            self.assertTrue(problem[field], problem)
        for word in words:
            self.assertIn(word, problem["detail"])
        self.assertTrue(response.header("X-Request-Id"), response)

    @contextlib.contextmanager
    def nothing_counted(self):
        """What happens inside is not a message: no counter may move."""
        before = self.stack.settled()
        yield
        self.assertEqual(self.stack.settled(), before)
