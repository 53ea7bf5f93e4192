"""HTTP as clients expect it: methods, connections, codings, versions, request ids."""

import re
import unittest

import wire
from harness import ANSWER_S, StackTestCase, at_each_edge, good_body, within

BODY = good_body()
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CHUNKED_HEADERS = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}


class Methods(StackTestCase):
    def paths(self):
        """(service, path, the methods it takes)"""
        for service in self.stack.services:
            for path in ("/health", "/livez", "/readyz", "/metrics"):
                yield service, path, {"GET", "HEAD", "OPTIONS"}
        for service in (self.stack.ingest, self.stack.processor):
            yield service, "/stats", {"GET", "HEAD", "OPTIONS"}
        yield self.stack.gateway, "/api/v1/status", {"GET", "HEAD", "OPTIONS"}
        yield self.stack.gateway, "/api/v1/ingest", {"POST", "OPTIONS"}
        yield self.stack.ingest, "/ingest", {"POST", "OPTIONS"}
        yield self.stack.processor, "/enqueue", {"POST", "OPTIONS"}

    def allowed(self, response):
        return {method.strip() for method in response.header("Allow").split(",")}

    def test_other_methods_are_405_with_allow(self):
        with self.nothing_counted():
            for service, path, methods in self.paths():
                others = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"} - methods
                for method in sorted(others):
                    with self.subTest(service=service.name, path=path, method=method), within():
                        response = wire.request(service.port, method, path)
                        self.assertEqual(self.allowed(response), methods)
                        if method == "HEAD":
                            self.assertEqual(response.status, 405)
                        else:
                            self.assert_problem(response, 405)

    def test_options_tells_the_methods(self):
        for service, path, methods in self.paths():
            with self.subTest(service=service.name, path=path), within():
                response = wire.request(service.port, "OPTIONS", path)
                self.assertIn(response.status, (200, 204))
                self.assertEqual(self.allowed(response), methods)
                self.assertEqual(response.body, b"")

    def test_options_of_the_server(self):
        for service in self.stack.services:
            self.assertIn(wire.request(service.port, "OPTIONS", "*").status, (200, 204))

    def test_head_is_get_without_the_body(self):
        for service, path, methods in self.paths():
            if "HEAD" not in methods:
                continue
            with self.subTest(service=service.name, path=path):
                with wire.Connection(service.port) as connection:
                    head = connection.request("HEAD", path)
                    got = connection.request("GET", path)
                self.assertEqual(head.status, got.status)
                self.assertEqual(head.header("Content-Type"), got.header("Content-Type"))
                self.assertGreater(int(head.header("Content-Length")), 0)

    def test_unknown_paths(self):
        with self.nothing_counted():
            for service in self.stack.services:
                for path in ("/", "/nope", "/ingest/", "/api/v1/ingest/x", "/INGEST", "/health/",
                             "//health", "/health%00", "/../etc/passwd", "/%2e%2e/", "/x?y=1"):
                    for method in ("GET", "POST", "PUT"):
                        with self.subTest(service=service.name, path=path, method=method), within():
                            body = BODY if method == "POST" else None
                            response = wire.request(service.port, method, path, body)
                            self.assert_problem(response, 404)

    def test_query_is_not_part_of_the_path(self):
        for service in self.stack.services:
            self.assertEqual(wire.request(service.port, "GET", "/livez?verbose=1").status, 200)

    def test_absolute_form(self):
        response = wire.request(self.stack.ingest.port, "GET", "http://test/livez")
        self.assertEqual(response.status, 200)


class Connections(StackTestCase):
    @at_each_edge
    def test_kept_alive(self, port, path):
        with wire.Connection(port) as connection:
            for number in range(10):
                with self.subTest(number=number), within():
                    response = connection.request("POST", path, BODY)
                    self.assertEqual(response.status, 200, response)
                    self.assertNotEqual(response.header("Connection"), "close")

    @at_each_edge
    def test_kept_alive_after_a_problem(self, port, path):
        with wire.Connection(port) as connection, within(4 * ANSWER_S):
            self.assert_problem(connection.request("POST", path, b"{}"), 422)
            self.assert_problem(connection.request("POST", path, b"{"), 400)
            self.assert_problem(connection.request("GET", "/nope"), 404)
            self.assert_problem(connection.request("DELETE", path), 405)
            self.assertEqual(connection.request("POST", path, BODY).status, 200)

    @at_each_edge
    def test_connection_close(self, port, path):
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            response = connection.request("POST", path, BODY, {"Connection": "close"})
            self.assertEqual(response.status, 200)
            self.assertEqual(response.header("Connection"), "close")
            connection.expect_close()

    @at_each_edge
    def test_nothing_is_read_after_connection_close(self, port, path):
        before = self.stack.settled()["TotalReceived"]
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            last = wire.build("POST", path, BODY, {"Connection": "close"})
            connection.send(last + wire.build("POST", path, BODY))
            self.assertEqual(connection.read_response().status, 200)
            connection.expect_close()
        self.assertEqual(self.stack.settled()["TotalReceived"], before + 1)

    @at_each_edge
    def test_http_1_0(self, port, path):
        for headers in ({}, {"Host": None}):
            with wire.Connection(port) as connection, within(2 * ANSWER_S):
                response = connection.request("POST", path, BODY, headers, version="1.0")
                self.assertEqual(response.status, 200, response)
                self.assertIsNone(response.header("Transfer-Encoding"))
                connection.expect_close()

    @at_each_edge
    def test_http_1_0_kept_alive_when_asked(self, port, path):
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            asked = {"Connection": "keep-alive"}
            for _ in range(2):
                response = connection.request("POST", path, BODY, asked, version="1.0")
                self.assertEqual(response.status, 200)
                self.assertEqual(response.header("Connection").lower(), "keep-alive")

    @at_each_edge
    def test_pipelined_requests_are_answered_in_order(self, port, path):
        count = 100
        before = self.stack.settled()
        sent = b""
        for number in range(count):
            headers = {"X-Request-Id": f"pipeline-{number}"}
            # Answers that wait for an upstream between answers that don't.
            sent += (wire.build("POST", path, BODY, headers),
                     wire.build("GET", "/livez", headers=headers),
                     wire.build("POST", path, b"{}", headers),
                     wire.build("GET", "/nope", headers=headers))[number % 4]
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(sent)
            for number in range(count):
                response = connection.read_response()
                self.assertEqual(response.header("X-Request-Id"), f"pipeline-{number}")
                self.assertEqual(response.status, (200, 200, 422, 404)[number % 4])
        after = self.stack.settled()
        self.assertEqual(after["TotalSent"] - before["TotalSent"], count // 4)

    @at_each_edge
    def test_request_in_single_bytes(self, port, path):
        with wire.Connection(port) as connection, within(4 * ANSWER_S):
            for data in (wire.build("POST", path, BODY),
                         wire.build("POST", path, headers=CHUNKED_HEADERS)
                         + wire.chunked(BODY[:7], BODY[7:])):
                for byte in data:
                    connection.send(bytes([byte]))
                self.assertEqual(connection.read_response().status, 200)

    @at_each_edge
    def test_empty_line_before_a_request_is_forgiven(self, port, path):
        with wire.Connection(port) as connection, within():
            connection.send(b"\r\n" + wire.build("POST", path, BODY))
            self.assertEqual(connection.read_response().status, 200)


class Bodies(StackTestCase):
    def post_chunked(self, port, path, coded, **headers):
        with wire.Connection(port) as connection, within():
            headers = {**CHUNKED_HEADERS, **headers}
            connection.send(wire.build("POST", path, headers=headers) + coded)
            first = connection.read_response()
            # The coding's end was found: the connection is in step.
            self.assertEqual(connection.request("GET", "/livez").status, 200)
        return first

    @at_each_edge
    def test_chunked(self, port, path):
        size = b"%x" % len(BODY)
        for name, coded in {
            "one chunk": wire.chunked(BODY),
            "chunks of a byte": wire.chunked(*[bytes([byte]) for byte in BODY]),
            "trailer": wire.chunked(BODY, trailer=b"X-Sum: 1\r\nX-More: 2\r\n"),
            "extension": size + b";name=value\r\n" + BODY + b"\r\n0\r\n\r\n",
            "quoted extension": size + b';name="a;b"\r\n' + BODY + b"\r\n0\r\n\r\n",
            "upper case and zeros": b"00" + size.upper() + b"\r\n" + BODY + b"\r\n000\r\n\r\n",
        }.items():
            with self.subTest(body=name):
                response = self.post_chunked(port, path, coded)
                self.assertEqual(response.status, 200, response)

    @at_each_edge
    def test_framing_in_a_trailer_is_not_obeyed(self, port, path):
        coded = wire.chunked(BODY, trailer=b"Content-Length: 5\r\n")
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(wire.build("POST", path, headers=CHUNKED_HEADERS) + coded)
            response = connection.read_response()
            self.assertIn(response.status, (200, 400))
            if response.status == 400:
                connection.expect_close()
            else:
                self.assertEqual(connection.request("GET", "/livez").status, 200)

    @at_each_edge
    def test_name_of_the_coding_in_any_case(self, port, path):
        response = self.post_chunked(port, path, wire.chunked(BODY),
                                     **{"Transfer-Encoding": "CHUNKED"})
        self.assertEqual(response.status, 200, response)

    @at_each_edge
    def test_empty_chunked_body(self, port, path):
        self.assert_problem(self.post_chunked(port, path, wire.chunked()), 400)

    @at_each_edge
    def test_body_of_a_get_is_no_request(self, port, path):
        with self.nothing_counted(), wire.Connection(port) as connection, within(2 * ANSWER_S):
            smuggled = wire.build("POST", path, BODY)
            self.assertEqual(connection.request("GET", "/livez", smuggled).status, 200)
            self.assertEqual(connection.request("GET", "/livez").status, 200)

    @at_each_edge
    def test_expect_100_continue(self, port, path):
        head = wire.build("POST", path, b"", {"Content-Length": str(len(BODY)),
                                              "Expect": "100-continue"})
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(head)
            self.assertEqual(connection.read_interim(), 100)
            connection.send(BODY)
            self.assertEqual(connection.read_response().status, 200)
            self.assertEqual(connection.request("GET", "/livez").status, 200)

    @at_each_edge
    def test_expect_100_continue_with_a_chunked_body(self, port, path):
        head = wire.build("POST", path, headers={**CHUNKED_HEADERS, "Expect": "100-Continue"})
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(head)
            self.assertEqual(connection.read_interim(), 100)
            connection.send(wire.chunked(BODY))
            self.assertEqual(connection.read_response().status, 200)

    @at_each_edge
    def test_unknown_expectation(self, port, path):
        response = wire.request(port, "POST", path, BODY, {"Expect": "a-miracle"})
        self.assert_problem(response, 417)


class RequestIds(StackTestCase):
    def test_given_id_comes_back(self):
        for service in self.stack.services:
            for path, status in (("/livez", 200), ("/nope", 404)):
                response = wire.request(service.port, "GET", path,
                                        headers={"X-Request-Id": "my-id_1.2:3"})
                self.assertEqual(response.status, status)
                self.assertEqual(response.header("X-Request-Id"), "my-id_1.2:3")

    @at_each_edge
    def test_given_id_comes_back_from_ingest(self, port, path):
        for body, status in ((BODY, 200), (b"{", 400), (b"{}", 422)):
            response = wire.request(port, "POST", path, body, {"X-Request-Id": "abc"})
            self.assertEqual(response.status, status)
            self.assertEqual(response.header("X-Request-Id"), "abc")

    def test_one_is_made_when_none_is_given(self):
        for service in self.stack.services:
            made = {wire.request(service.port, "GET", "/livez").header("X-Request-Id")
                    for _ in range(20)}
            self.assertEqual(len(made), 20)
            for request_id in made:
                self.assertRegex(request_id, UUID)

    def test_unusable_id_is_replaced(self):
        for given in ("x" * 5000, "two words", "caf\xe9", "", "a\tb"):
            with self.subTest(given=given[:20]):
                response = wire.request(self.stack.ingest.port, "GET", "/livez",
                                        headers={"X-Request-Id": given})
                self.assertEqual(response.status, 200)
                self.assertRegex(response.header("X-Request-Id"), UUID)


if __name__ == "__main__":
    unittest.main()
