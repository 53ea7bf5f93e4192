"""The contract's REST lines that concern gateway, ingest and processor."""

import base64
import json
import re
import time
import unittest

import wire
from harness import (ANSWER_S, INGEST_PATHS, StackTestCase, at_each_edge, good_body, until,
                     within)

UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PROTOBUF = "application/x-protobuf"


def varint(number):
    number &= 2**64 - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def data_message(message_id, timestamp, source, payload, metadata):
    """A diplom.v1.DataMessage, encoded by hand so that no code of ours judges itself."""
    def field(number, value):
        return varint(number << 3 | 2) + varint(len(value)) + value

    out = field(1, message_id.encode()) + varint(2 << 3) + varint(timestamp)
    out += field(3, source.encode()) + field(4, payload)
    for key, value in metadata.items():
        out += field(5, field(1, key.encode()) + field(2, value.encode()))
    return out


class Ingest(StackTestCase):
    stack_options = {"processor": {"SINK": "file"}}

    def result_of(self, message_id):
        def find():
            return next((result for result in self.stack.processor.file_lines("results.ndjson")
                         if result["message_id"] == message_id), None)
        return until(f"a result for {message_id}", find)

    def ingest(self, port, path, body, headers=None):
        with within():
            response = wire.request(port, "POST", path, body, headers)
        self.assertEqual(response.status, 200, response)
        return response

    @at_each_edge
    def test_accepted(self, port, path):
        response = self.ingest(port, path, good_body(metadata={"unit": "C"}))
        self.assertEqual(response.header("Content-Type"), "application/json")
        answer = response.json()
        self.assertEqual(set(answer), {"messageId", "status"})
        self.assertEqual(answer["status"], "accepted")
        self.assertRegex(answer["messageId"], UUID_V7)
        self.assertTrue(response.header("X-Request-Id"))

    @at_each_edge
    def test_result_is_written_as_the_contract_says(self, port, path):
        began = int(time.time())
        body = good_body(data="hello é")
        result = self.result_of(self.ingest(port, path, body).json()["messageId"])
        self.assertIs(result["success"], True)
        self.assertEqual(base64.b64decode(result["result"], validate=True), "hello é".encode())
        self.assertIn(int(result["processed_at"]), range(began - 1, began + 10))
        self.assertEqual(result.get("error", ""), "")

    @at_each_edge
    def test_ids_differ(self, port, path):
        ids = {self.ingest(port, path, good_body()).json()["messageId"] for _ in range(50)}
        self.assertEqual(len(ids), 50)

    @at_each_edge
    def test_idempotency_key_gives_the_same_id(self, port, path):
        def message_id(key, source="s"):
            response = self.ingest(port, path, good_body(source=source), {"Idempotency-Key": key})
            return response.json()["messageId"]

        first = message_id("order-1")
        self.assertEqual(message_id("order-1"), first)
        self.assertNotEqual(message_id("order-2"), first)
        self.assertNotEqual(message_id("order-1", source="other"), first)

    def test_idempotency_key_is_the_same_at_both_edges(self):
        ids = {self.ingest(service.port, INGEST_PATHS[service.name], good_body(),
                           {"Idempotency-Key": "both"}).json()["messageId"]
               for service in (self.stack.gateway, self.stack.ingest)}
        self.assertEqual(len(ids), 1)

    @at_each_edge
    def test_counters_count_once(self, port, path):
        before = self.stack.settled()
        for _ in range(7):
            self.ingest(port, path, good_body())
        after = self.stack.settled()
        for name, added in (("TotalReceived", 7), ("TotalSent", 7), ("TotalFailed", 0),
                            ("processed", 7), ("errors", 0)):
            self.assertEqual(after[name] - before[name], added, name)


class Enqueue(StackTestCase):
    stack_options = {"processor": {"SINK": "file"}}

    def enqueue(self, message_id, body, kind):
        with within():
            response = wire.request(self.stack.processor.port, "POST", "/enqueue", body,
                                    {"Content-Type": kind})
        self.assertEqual(response.status, 202, response)

        def find():
            return next((result for result in self.stack.processor.file_lines("results.ndjson")
                         if result["message_id"] == message_id), None)
        return until(f"a result for {message_id}", find)

    def test_json(self):
        message = {"id": "json-1", "timestamp": 1700000000, "source": "s",
                   "payload": base64.b64encode(b"any\0bytes\xff").decode(), "metadata": {"k": "v"}}
        result = self.enqueue("json-1", json.dumps(message).encode(), "application/json")
        self.assertEqual(base64.b64decode(result["result"]), b"any\0bytes\xff")

    def test_json_as_protobuf_writes_it(self):
        body = b'{"id":"json-2","timestamp":"1700000000","source":"s","payload":""}'
        self.assertTrue(self.enqueue("json-2", body, "application/json")["success"])

    def test_protobuf(self):
        body = data_message("proto-1", 1700000000, "s", b"any\0bytes\xff", {"k": "v", "": ""})
        result = self.enqueue("proto-1", body, PROTOBUF)
        self.assertEqual(base64.b64decode(result["result"]), b"any\0bytes\xff")

    def test_protobuf_with_unknown_fields(self):
        body = data_message("proto-2", -1, "s", b"", {}) + b"\xfa\x01\x03new\x80\x02\x01"
        self.assertTrue(self.enqueue("proto-2", body, PROTOBUF)["success"])


class Probes(StackTestCase):
    def test_health_live_ready(self):
        for service in self.stack.services:
            with self.subTest(service=service.name), within(3 * ANSWER_S):
                self.assertIs(service.get_json("/health")["healthy"], True)
                service.get_json("/livez")
                service.get_json("/readyz")

    def test_ingest_stats(self):
        stats = self.stack.ingest.get_json("/stats")
        for name in ("TotalReceived", "TotalSent", "TotalFailed"):
            self.assertIsInstance(stats[name], int)

    def test_processor_stats(self):
        stats = self.stack.processor.get_json("/stats")
        self.assertEqual(stats["queue"]["capacity"], 1000)
        self.assertIsInstance(stats["queue"]["size"], int)
        self.assertEqual(stats["pool"]["workers"], 4)
        for name in ("processed", "errors"):
            self.assertIsInstance(stats["pool"][name], int)

    def test_status_joins_the_services(self):
        self.stack.settled()
        with within(2 * ANSWER_S):
            status = self.stack.gateway.get_json("/api/v1/status")
        for name in ("ingest", "processor"):
            self.assertIs(status[name]["healthy"], True)
            self.assertNotIn("error", status[name])
        self.assertEqual(status["ingest"]["stats"], self.stack.ingest.get_json("/stats"))
        self.assertEqual(status["processor"]["stats"]["queue"]["capacity"], 1000)
        self.assertEqual(status["processor"]["stats"]["pool"]["workers"], 4)


if __name__ == "__main__":
    unittest.main()
