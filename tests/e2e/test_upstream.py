"""The next service down, hanging, talking nonsense or dying: the client is told, and it passes."""

import contextlib
import socket
import threading
import unittest

import wire
from harness import ANSWER_S, INGEST_PATHS, Service, Stack, free_port, good_body, until, within

BODY = good_body()
REQUEST_TIMEOUT_S = 0.4
FAST = {"REQUEST_TIMEOUT": "400ms"}

NONSENSE = {
    "garbage": b"\x00\xff\xfenot HTTP at all\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a status that isn't one": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "not found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "an error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nhalf",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000,
    "a huge body": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
    "nothing": b"",
}

NESTED = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DEEP = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(NESTED) + NESTED

# To a probe this is a service that is well.
NOT_OUR_KIND = {
    "no answers in it": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a web page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                  b"Content-Length: 13\r\n\r\n<html></html>",
}


class FakeUpstream:
    """Reads what comes, answers `answer` once there is something, then closes; None: it hangs."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self.connections.append(connection)
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            while connection.recv(65536):
                if self.answer is not None:
                    connection.sendall(self.answer)
                    connection.shutdown(socket.SHUT_WR)
                    return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # shutdown() first: it is what wakes the threads that wait in accept() and recv().
        for opened in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in self.threads:
            thread.join()


class BadUpstream(unittest.TestCase):
    @contextlib.contextmanager
    def edge(self, name, url):
        """A gateway or an ingest whose upstream is `url`."""
        service = Service(name, {**FAST, "INGEST_URL": url, "PROCESSOR_URL": url})
        try:
            yield service.start(ready=False)
            service.stop()
        finally:
            service.discard()

    def assert_told(self, service, statuses):
        """The client gets a problem it can act on, and the service lives on."""
        with within(REQUEST_TIMEOUT_S + ANSWER_S):
            response = wire.request(service.port, "POST", INGEST_PATHS[service.name], BODY)
        self.assertIn(response.status, statuses, response)
        self.assertEqual(response.header("Content-Type"), "application/problem+json")
        self.assertTrue(response.json()["detail"])
        if response.status == 503:
            self.assertGreaterEqual(int(response.header("Retry-After")), 1)
        with within():
            self.assertEqual(wire.request(service.port, "GET", "/livez").status, 200)

    def assert_not_healthy(self, service):
        for path in ("/health", "/readyz"):
            with within(2 * ANSWER_S):
                response = wire.request(service.port, "GET", path)
            self.assertEqual(response.status, 503, (path, response))

    def each_edge(self, url, statuses, healthy=False):
        for name in ("api-gateway", "ingest"):
            with self.subTest(edge=name), self.edge(name, url) as service:
                self.assert_told(service, statuses)
                self.assert_told(service, statuses)
                if not healthy:
                    self.assert_not_healthy(service)
                if name == "ingest":
                    stats = service.get_json("/stats")
                    self.assertEqual((stats["TotalReceived"], stats["TotalSent"],
                                      stats["TotalFailed"]), (2, 0, 2))

    def test_down(self):
        self.each_edge(f"http://127.0.0.1:{free_port()}", {503})

    def test_name_that_does_not_resolve(self):
        self.each_edge("http://no-such-host.invalid:8081", {503, 504})

    def test_hanging(self):
        with FakeUpstream(None) as upstream:
            self.each_edge(upstream.url, {504})

    def test_accepting_nothing(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
            port = deaf.getsockname()[1]
            self.each_edge(f"http://127.0.0.1:{port}", {503, 504})

    def test_nonsense(self):
        # What was sent may have been kept: unavailable, or outcome unknown; never accepted.
        for name, answer in NONSENSE.items():
            with self.subTest(answer=name), FakeUpstream(answer) as upstream:
                self.each_edge(upstream.url, {502, 503, 504})

    def test_answers_of_another_kind(self):
        for name, answer in NOT_OUR_KIND.items():
            with self.subTest(answer=name), FakeUpstream(answer) as upstream:
                self.each_edge(upstream.url, {502, 503, 504}, healthy=True)

    def test_status_of_services_that_cannot_be_reached(self):
        down = f"http://127.0.0.1:{free_port()}"
        with FakeUpstream(None) as hanging, FakeUpstream(NONSENSE["garbage"]) as garbage, \
                FakeUpstream(DEEP) as deep:
            for url in (down, hanging.url, garbage.url, deep.url):
                with self.subTest(url=url), self.edge("api-gateway", url) as gateway:
                    with within(2 * ANSWER_S):
                        status = gateway.get_json("/api/v1/status")
                    for name in ("ingest", "processor"):
                        self.assertIs(status[name]["healthy"], False)
                        self.assertTrue(status[name]["error"])


class Recovery(unittest.TestCase):
    def test_services_come_and_go(self):
        stack = Stack(FAST)
        port, path = stack.gateway.port, "/api/v1/ingest"

        def post():
            return wire.request(port, "POST", path, BODY).status

        try:
            stack.start()
            self.assertEqual(post(), 200)
            for service in (stack.processor, stack.ingest):
                with self.subTest(gone=service.name):
                    service.kill()
                    with within(REQUEST_TIMEOUT_S + ANSWER_S):
                        self.assertIn(post(), (503, 504))
                    until("the gateway is not ready", lambda: not stack.gateway.is_ready())
                    service.start()
                    until("events are accepted again", lambda: post() == 200)
                    until("the gateway is ready again", stack.gateway.is_ready)
            for service in reversed(stack.services):
                service.stop()
        finally:
            stack.discard()

    def test_one_of_two_upstreams_is_enough(self):
        stack = Stack(FAST)
        down = f"http://127.0.0.1:{free_port()}"
        stack.gateway.settings["INGEST_URL"] = f"{down},{stack.ingest.url}"
        try:
            stack.start()
            for _ in range(20):
                response = wire.request(stack.gateway.port, "POST", "/api/v1/ingest", BODY)
                self.assertEqual(response.status, 200, response)
            for service in reversed(stack.services):
                service.stop()
        finally:
            stack.discard()


if __name__ == "__main__":
    unittest.main()
