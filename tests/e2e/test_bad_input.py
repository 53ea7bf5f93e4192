"""Bodies that aren't an event: each is answered at once with what is wrong, and counts nowhere."""

import base64
import json
import unittest

import wire
from harness import StackTestCase, at_each_edge, good_body, until, within

MALFORMED = {
    "empty": b"",
    "blank": b" \n\t ",
    "not JSON": b"hello",
    "form": b"source=a&data=b",
    "cut off": b'{"source":"s","data":"d"',
    "trailing comma": b'{"source":"s","data":"d",}',
    "something after it": b'{"source":"s","data":"d"} {}',
    "NUL after it": b'{"source":"s","data":"d"}\0',
    "single quotes": b"{'source':'s','data':'d'}",
    "comment": b'{"source":"s","data":"d"/*c*/}',
    "NaN": b'{"source":"s","data":"d","x":NaN}',
    "bare control character": b'{"source":"s","data":"a\nb"}',
    "invalid UTF-8": b'{"source":"s","data":"\xff"}',
    "overlong UTF-8": b'{"source":"s","data":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"source":"s","data":"\xed\xa0\x80"}',
    "lone surrogate escape": b'{"source":"s","data":"\\ud800"}',
    "byte order mark": b'\xef\xbb\xbf{"source":"s","data":"d"}',
    "NUL in a string": b'{"source":"s","data":"a\0b"}',
}

NESTED = {
    "arrays": b"[" * 100_000 + b"]" * 100_000,
    "arrays without an end": b"[" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "in an unknown field": good_body(x=0)[:-2] + b"[" * 100_000 + b"]" * 100_000 + b"}",
}

WRONG_TYPES = (None, 1, -1.5, True, [], {}, ["s"])


def wrong_shapes():
    """(body, what the answer must name)"""
    for value in ([], None, 1, "text", True, [{}]):
        yield value, "object"
    yield {}, "source"
    yield {"data": "d"}, "source"
    yield {"source": "s"}, "data"
    yield {"Source": "s", "data": "d"}, "source"
    yield {"source": "", "data": "d"}, "source"
    yield {"source": "s" * 257, "data": "d"}, "source"
    yield {"source": "é" * 129, "data": "d"}, "source"
    for value in WRONG_TYPES:
        yield {"source": value, "data": "d"}, "source"
        yield {"source": "s", "data": value}, "data"
        yield {"source": "s", "data": "d", "metadata": {"key": value}}, "metadata.key"
        if value != {}:
            yield {"source": "s", "data": "d", "metadata": value}, "metadata"
    yield {"source": "s", "data": "d", "metadata": "text"}, "metadata"


class BadInput(StackTestCase):
    def post(self, port, path, body):
        with within():
            return wire.request(port, "POST", path, body)

    @at_each_edge
    def test_malformed(self, port, path):
        with self.nothing_counted():
            for name, body in MALFORMED.items():
                with self.subTest(body=name):
                    self.assert_problem(self.post(port, path, body), 400)
        self.assert_works(port, path)

    @at_each_edge
    def test_position_of_the_error(self, port, path):
        body = b'{\n  "source": "s",\n  "data": nope\n}'
        response = self.post(port, path, body)
        self.assert_problem(response, 400, "line 3", "column", "byte")

    @at_each_edge
    def test_nested_deep(self, port, path):
        with self.nothing_counted():
            for name, body in NESTED.items():
                with self.subTest(nested=name):
                    self.assert_problem(self.post(port, path, body), 400)
        self.assert_works(port, path)

    @at_each_edge
    def test_wrong_shape(self, port, path):
        with self.nothing_counted():
            for shape, named in wrong_shapes():
                with self.subTest(body=json.dumps(shape)[:80]):
                    response = self.post(port, path, json.dumps(shape).encode())
                    self.assert_problem(response, 422, named)
        self.assert_works(port, path)

    @at_each_edge
    def test_one_line_answers_whatever_the_key(self, port, path):
        body = good_body(metadata={"a\r\nX-Evil: 1\0" + "k" * 1000: 1})
        response = self.post(port, path, body)
        self.assert_problem(response, 422, "metadata.")
        self.assertIsNone(response.header("X-Evil"))
        self.assertLess(len(response.json()["detail"]), 400)
        self.assertNotIn("\n", response.json()["detail"])

    @at_each_edge
    def test_content_type(self, port, path):
        with self.nothing_counted():
            for kind in ("text/plain", "application/xml", "application/jsonp", "json", "*/*"):
                with self.subTest(type=kind), within():
                    response = wire.request(port, "POST", path, good_body(),
                                            {"Content-Type": kind})
                    self.assert_problem(response, 415)
        for kind in ("application/json", "Application/JSON; charset=utf-8", None):
            response = wire.request(port, "POST", path, good_body(), {"Content-Type": kind})
            self.assertEqual(response.status, 200, (kind, response))


class OddButGood(StackTestCase):
    stack_options = {"processor": {"SINK": "file", "SINK_FILE": "results.ndjson"}}

    def result_of(self, message_id):
        def find():
            for result in self.stack.processor.file_lines("results.ndjson"):
                if result["message_id"] == message_id:
                    return result
            return None

        return until(f"a result for {message_id}", find)

    def accept(self, port, path, body):
        with within():
            response = wire.request(port, "POST", path, body)
        self.assertEqual(response.status, 200, response)
        return self.result_of(response.json()["messageId"])

    @at_each_edge
    def test_unknown_fields_are_ignored(self, port, path):
        body = good_body(extra=[1, {"source": 2}], nothing=None, metadata={})
        self.assertTrue(self.accept(port, path, body)["success"])

    @at_each_edge
    def test_of_duplicate_keys_the_last_counts(self, port, path):
        body = b'{"source":1,"data":"first","source":"s","data":"last"}'
        result = self.accept(port, path, body)
        self.assertEqual(base64.b64decode(result["result"]), b"last")

    @at_each_edge
    def test_escapes_and_NUL_in_strings(self, port, path):
        body = rb'{"source":"s","data":"\u0000\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}'
        result = self.accept(port, path, body)
        self.assertEqual(base64.b64decode(result["result"]),
                         "\0\"\\/\b\f\n\r\té\U0001f600".encode())

    @at_each_edge
    def test_empty_data_and_longest_source(self, port, path):
        for body in (good_body(data=""), good_body(source="s" * 256)):
            self.assertTrue(self.accept(port, path, body)["success"])

    @at_each_edge
    def test_body_of_exactly_a_mebibyte(self, port, path):
        frame = len(good_body(data=""))
        data = "x" * (1024 * 1024 - frame)
        result = self.accept(port, path, good_body(data=data))
        self.assertEqual(base64.b64decode(result["result"]), data.encode())


class BadEnqueue(StackTestCase):
    good = {"id": "m-1", "timestamp": 1700000000, "source": "s", "payload": "aGVsbG8="}

    def post(self, body, kind="application/json"):
        with within():
            return wire.request(self.stack.processor.port, "POST", "/enqueue", body,
                                {"Content-Type": kind})

    def test_json(self):
        with self.nothing_counted():
            for name, body in {**MALFORMED, **NESTED}.items():
                with self.subTest(body=name):
                    self.assert_problem(self.post(body), 400)
            for field in self.good:
                lacking = {key: value for key, value in self.good.items() if key != field}
                for shape in (lacking, {**self.good, field: None}, {**self.good, field: []}):
                    with self.subTest(body=shape):
                        self.assert_problem(self.post(json.dumps(shape).encode()), 422, field)
            for field, value in (("id", ""), ("id", "i" * 129), ("source", ""),
                                 ("source", "s" * 257), ("timestamp", "soon"), ("timestamp", 1.5),
                                 ("payload", "not base64!"), ("payload", "YQ"), ("metadata", None),
                                 ("metadata", {"k": 1})):
                with self.subTest(field=field, value=value):
                    shape = json.dumps({**self.good, field: value}).encode()
                    self.assert_problem(self.post(shape), 422, field)

    def test_protobuf(self):
        kind = "application/x-protobuf"
        good = b"\x0a\x03m-2\x1a\x01s"
        with self.nothing_counted():
            for name, body, status in (
                    ("not protobuf", b"\xff\xff\xff\xff", 400),
                    ("cut off", good[:-1], 400),
                    ("a length that lies", good + b"\x22\xff\xff\xff\xff\x07", 400),
                    ("invalid UTF-8", b"\x0a\x01\xff\x1a\x01s", 400),
                    ("empty", b"", 422),
                    ("no id", b"\x1a\x01s", 422),
                    ("no source", b"\x0a\x03m-2", 422)):
                with self.subTest(body=name):
                    self.assert_problem(self.post(body, kind), status)
        self.assertEqual(self.post(good, kind).status, 202)

    def test_content_type(self):
        with self.nothing_counted():
            self.assert_problem(self.post(json.dumps(self.good).encode(), "text/plain"), 415)


if __name__ == "__main__":
    unittest.main()
