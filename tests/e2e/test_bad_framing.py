"""Requests whose end two readers could see in different places, and those that are too large.

Each is answered once and its connection closed: nothing after it is ever read as another request.
"""

import unittest

import wire
from harness import ANSWER_S, StackTestCase, at_each_edge, good_body, until, within

BODY = good_body(data="smuggled")
CHUNKED = wire.chunked(BODY)
LENGTH = str(len(BODY))


def lines(*fields):
    return "".join(f"{field}\r\n" for field in fields).encode("latin-1")


HOST = "Host: test"
JSON = "Content-Type: application/json"

# name: (header lines, body)
BAD_HEADERS = {
    "two equal Content-Lengths": (lines(HOST, *[f"Content-Length: {LENGTH}"] * 2), BODY),
    "two Content-Lengths": (lines(HOST, f"Content-Length: {LENGTH}", "Content-Length: 3"), BODY),
    "a list of Content-Lengths": (lines(HOST, f"Content-Length: {LENGTH}, {LENGTH}"), BODY),
    "Content-Length with a sign": (lines(HOST, f"Content-Length: +{LENGTH}"), BODY),
    "negative Content-Length": (lines(HOST, "Content-Length: -1"), b""),
    "hexadecimal Content-Length": (lines(HOST, "Content-Length: 0x10"), BODY),
    "Content-Length with a tail": (lines(HOST, f"Content-Length: {LENGTH}a"), BODY),
    "empty Content-Length": (lines(HOST, "Content-Length:"), b""),
    "Content-Length and chunked": (
        lines(HOST, f"Content-Length: {LENGTH}", "Transfer-Encoding: chunked"), CHUNKED),
    "chunked and Content-Length": (
        lines(HOST, "Transfer-Encoding: chunked", f"Content-Length: {len(CHUNKED)}"), CHUNKED),
    "gzip and Content-Length": (
        lines(HOST, "Transfer-Encoding: gzip", f"Content-Length: {LENGTH}"), BODY),
    "two Transfer-Encodings": (lines(HOST, *["Transfer-Encoding: chunked"] * 2), CHUNKED),
    "folded header": (lines(HOST, "X-A: 1", " folded", f"Content-Length: {LENGTH}"), BODY),
    "folded Transfer-Encoding": (lines(HOST, "Transfer-Encoding:", " chunked"), CHUNKED),
    "first line folded": (lines(" X-A: 1", HOST, f"Content-Length: {LENGTH}"), BODY),
    "no Host": (lines(f"Content-Length: {LENGTH}"), BODY),
    "two Hosts": (lines(HOST, "Host: other", f"Content-Length: {LENGTH}"), BODY),
    "two equal Hosts": (lines(HOST, HOST, f"Content-Length: {LENGTH}"), BODY),
    "blank before the colon": (lines(HOST, "Transfer-Encoding : chunked"), CHUNKED),
    "blank in a name": (lines(HOST, "X A: 1", f"Content-Length: {LENGTH}"), BODY),
    "no colon": (lines(HOST, "nonsense", f"Content-Length: {LENGTH}"), BODY),
    "empty name": (lines(HOST, ": 1", f"Content-Length: {LENGTH}"), BODY),
    "NUL in a value": (lines(HOST, "X-A: 1\x002", f"Content-Length: {LENGTH}"), BODY),
    "bare LF": (b"Host: test\nContent-Length: " + LENGTH.encode() + b"\n", BODY),
    "bare CR in a value": (lines(HOST, "X-A: 1\rX-B: 2", f"Content-Length: {LENGTH}"), BODY),
}
for coding in ("gzip", "identity", "xchunked", "chunkedx", "chunked, identity", "gzip, chunked",
               "chunked, chunked", "chunked,", ", chunked", "chunked;q=1", '"chunked"', ""):
    BAD_HEADERS[f"Transfer-Encoding: {coding!r}"] = (
        lines(HOST, f"Transfer-Encoding: {coding}"), CHUNKED)

BAD_CHUNKS = {
    "not a number": b"g\r\n",
    "negative": b"-1\r\n",
    "with a sign": b"+5\r\nhello\r\n",
    "prefixed": b"0x5\r\nhello\r\n",
    "no size": b"\r\nhello\r\n",
    "larger than 64 bits": b"11111111111111111\r\nhello",
    "blank in front": b" 5\r\nhello\r\n",
    "longer than its size": b"3\r\nhello\r\n",
    "data without CR LF": b"5\r\nhello" + b"0\r\n\r\n",
    "bare LF": b"5\nhello\n0\n\n",
}

BAD_REQUEST_LINES = (b"GARBAGE\r\n", b"POST\r\n", b"POST /ingest\r\n",
                     b"POST  /ingest  HTTP/1.1\r\n", b"POST /ingest HTTP/1.1 x\r\n",
                     b"POST /in gest HTTP/1.1\r\n",
                     b"POST /ingest http/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"\0\0\0\0", b"P\x00ST /ingest HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n")


class BadFraming(StackTestCase):
    def refused(self, port, data, statuses):
        """Sends `data` with a good request behind it; one answer, and no second, may come."""
        path = "/ingest" if port == self.stack.ingest.port else "/api/v1/ingest"
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send_if_open(data + wire.build("POST", path, BODY))
            response = connection.read_response()
            self.assertIn(response.status, statuses, response)
            self.assert_problem(response, response.status)
            self.assertEqual(response.header("Connection"), "close", response)
            connection.expect_close()

    @at_each_edge
    def test_headers(self, port, path):
        line = f"POST {path} HTTP/1.1\r\n".encode()
        with self.nothing_counted():
            for name, (head, body) in BAD_HEADERS.items():
                with self.subTest(header=name):
                    self.refused(port, line + head + lines(JSON) + b"\r\n" + body, {400})
        self.assert_works(port, path)

    @at_each_edge
    def test_chunk_sizes(self, port, path):
        head = wire.build("POST", path, headers={"Content-Type": "application/json",
                                                 "Transfer-Encoding": "chunked"})
        with self.nothing_counted():
            for name, chunk in BAD_CHUNKS.items():
                with self.subTest(chunk=name):
                    self.refused(port, head + chunk, {400})
        self.assert_works(port, path)

    @at_each_edge
    def test_chunks_of_bodies_that_would_be_good(self, port, path):
        head = wire.build("POST", path, headers={"Content-Type": "application/json",
                                                 "Transfer-Encoding": "chunked"})
        with self.nothing_counted():
            self.refused(port, head + b"%x\r\n%s" % (len(BODY), BODY) + b"XX0\r\n\r\n", {400})
            self.refused(port, head + CHUNKED[:-5] + b"0\r\nbad trailer\r\n\r\n", {400})

    @at_each_edge
    def test_http_1_0_has_no_transfer_encoding(self, port, path):
        line = f"POST {path} HTTP/1.0\r\n".encode()
        head = line + lines(HOST, JSON, "Transfer-Encoding: chunked")
        with self.nothing_counted():
            self.refused(port, head + b"\r\n" + CHUNKED, {400})

    @at_each_edge
    def test_request_lines(self, port, path):
        with self.nothing_counted():
            for line in BAD_REQUEST_LINES:
                with self.subTest(line=line):
                    self.refused(port, line + lines(HOST) + b"\r\n", {400, 505})
        self.assert_works(port, path)

    @at_each_edge
    def test_http_versions(self, port, path):
        with self.nothing_counted():
            for version in ("0.9", "1.2", "2.0", "3.0", "9.9"):
                with self.subTest(version=version):
                    self.refused(port, wire.build("POST", path, BODY, version=version), {400, 505})


class TooLarge(StackTestCase):
    @at_each_edge
    def test_headers_over_16_kib(self, port, path):
        with self.nothing_counted():
            for headers in ({"X-Long": "x" * 16 * 1024},
                            {f"X-{number}": "x" * 100 for number in range(200)}):
                with self.subTest(headers=len(headers)):
                    with wire.Connection(port) as connection, within(2 * ANSWER_S):
                        connection.send_if_open(wire.build("POST", path, BODY, headers))
                        self.assert_problem(connection.read_response(), 431)
                        connection.expect_close()
            with wire.Connection(port) as connection, within(2 * ANSWER_S):
                connection.send_if_open(b"GET /" + b"x" * 20_000)
                self.assertIn(connection.read_response().status, (414, 431))
                connection.expect_close()
        self.assert_works(port, path)

    @at_each_edge
    def test_headers_just_within_are_taken(self, port, path):
        headers = {"X-Long": "x" * (16 * 1024 - 300)}
        self.assertEqual(wire.request(port, "POST", path, BODY, headers).status, 200)

    @at_each_edge
    def test_body_over_a_mebibyte_is_refused_before_it_is_read(self, port, path):
        with self.nothing_counted():
            for length in (1024 * 1024 + 1, 2**40, 2**63):
                with self.subTest(length=length):
                    with wire.Connection(port) as connection, within():
                        connection.send(wire.build("POST", path, b"", {"Content-Length":
                                                                       str(length)}))
                        self.assert_problem(connection.read_response(), 413)
        self.assert_works(port, path)

    @at_each_edge
    def test_expecting_client_is_told_before_it_sends(self, port, path):
        with self.nothing_counted(), wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(wire.build("POST", path, b"", {"Content-Length": str(1024 * 1024 + 1),
                                                           "Expect": "100-continue"}))
            self.assert_problem(connection.read_response(), 413)
            connection.expect_close()

    @at_each_edge
    def test_client_that_sends_the_large_body_all_the_same_reads_the_answer(self, port, path):
        body = b"x" * (1024 * 1024 + 1)
        with self.nothing_counted(), wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send_if_open(wire.build("POST", path, body))
            self.assert_problem(connection.read_response(), 413)
        self.assert_works(port, path)

    @at_each_edge
    def test_chunked_body_over_a_mebibyte(self, port, path):
        head = wire.build("POST", path, headers={"Content-Type": "application/json",
                                                 "Transfer-Encoding": "chunked"})
        with self.nothing_counted():
            for chunk in (b"x" * 65536, b"x" * 700):
                with wire.Connection(port) as connection, within(2 * ANSWER_S):
                    count = 1024 * 1024 // len(chunk) + 1
                    connection.send_if_open(head + wire.chunked(*[chunk] * count))
                    self.assert_problem(connection.read_response(), 413)
            with wire.Connection(port) as connection, within():
                connection.send(head + b"100001\r\n")
                self.assertIn(connection.read_response().status, (400, 413))
        self.assert_works(port, path)


class HalfClosed(StackTestCase):
    @at_each_edge
    def test_whole_request_gets_its_answer(self, port, path):
        with wire.Connection(port) as connection, within(2 * ANSWER_S):
            connection.send(wire.build("POST", path, BODY))
            connection.half_close()
            self.assertEqual(connection.read_response().status, 200)
            connection.expect_close()

    @at_each_edge
    def test_part_of_a_request_is_not_one(self, port, path):
        whole = wire.build("POST", path, BODY)
        with self.nothing_counted():
            for size in (0, 1, 20, len(whole) - len(BODY), len(whole) - 1):
                with self.subTest(size=size), wire.Connection(port) as connection, within():
                    connection.send(whole[:size])
                    connection.half_close()
                    self.assert_closed_or_refused(connection)
        self.assert_works(port, path)

    def assert_closed_or_refused(self, connection):
        try:
            self.assert_problem(connection.read_response(), 400)
        except wire.Closed:
            return
        connection.expect_close()

    @at_each_edge
    def test_client_gone_before_the_answer(self, port, path):
        before = self.stack.settled()["TotalSent"]
        for _ in range(20):
            with wire.Connection(port) as connection:
                connection.send(wire.build("POST", path, BODY))
        # Whole requests: whether they count is the race's to say, but never more than once.
        until("the service is quiet", self.stack.settled)
        self.assertLessEqual(self.stack.settled()["TotalSent"] - before, 20)
        self.assert_works(port, path)


if __name__ == "__main__":
    unittest.main()
