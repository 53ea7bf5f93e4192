"""A client of the ingest service, and the gRPC server with a processor behind it."""

import contextlib
import importlib
import pathlib
import subprocess
import sys
import tempfile
import unittest

import grpc
from google.protobuf import any_pb2

from harness import PATIENCE, SANITIZE, Service, free_port, until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVICE = "diplom.v1.IngestService"
CALL_S = 10 * PATIENCE


def generated_messages():
    """The Python modules of api/proto, made anew."""
    directory = tempfile.mkdtemp(prefix="millrace-proto-")
    protos = ROOT / "api" / "proto"
    subprocess.run(["protoc", f"--proto_path={protos}", f"--python_out={directory}",
                    "diplom/v1/diplom.proto", "google/rpc/error_details.proto",
                    "grpc/health/v1/health.proto"], cwd=protos, check=True)
    # The library's own packages `grpc` and `google` would hide these.
    for package in (grpc, importlib.import_module("google")):
        package.__path__.append(f"{directory}/{package.__name__}")
    sys.path.insert(0, directory)
    return tuple(importlib.import_module(name) for name in (
        "diplom.v1.diplom_pb2", "google.rpc.error_details_pb2", "grpc.health.v1.health_pb2"))


pb, errors, health = generated_messages()


def request(source="e2e", data=b"x", **more):
    return pb.IngestRequest(source=source, data=data, **more)


def bytes_of(message):
    return message if isinstance(message, bytes) else message.SerializeToString()


def details_of(error):
    """The google.rpc details of a failed call, by their type's name."""
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    found = {}
    for detail in errors.Status.FromString(packed).details:
        for kind in (errors.BadRequest, errors.RetryInfo, pb.IngestProgress):
            message = kind()
            if any_pb2.Any(type_url=detail.type_url, value=detail.value).Unpack(message):
                found[kind.DESCRIPTOR.name] = message
    return found


class Client:
    def __init__(self, port, service=SERVICE, credentials=None):
        target = f"127.0.0.1:{port}"
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials else
                        grpc.insecure_channel(target, options))
        self.ingest = self.channel.unary_unary(
            f"/{service}/Ingest", bytes_of, pb.IngestResponse.FromString)
        self.stream = self.channel.stream_unary(
            f"/{service}/IngestStream", bytes_of, pb.IngestResponse.FromString)
        self.acks = self.channel.stream_stream(
            f"/{service}/IngestAcks", bytes_of, pb.IngestAck.FromString)
        self.check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check", bytes_of, health.HealthCheckResponse.FromString)
        self.watch = self.channel.unary_stream(
            "/grpc.health.v1.Health/Watch", bytes_of, health.HealthCheckResponse.FromString)

    def serving(self, service=""):
        try:
            answer = self.check(health.HealthCheckRequest(service=service), timeout=CALL_S)
        except grpc.RpcError as error:
            return error.code().name
        return health.HealthCheckResponse.ServingStatus.Name(answer.status)


class GrpcService(Service):
    def __init__(self, settings=None, files=None):
        self.grpc_port = free_port()
        # Sanitizers need memory of their own.
        bound = {"GRPC_MEMORY_MAX_BYTES": 1 << 34} if SANITIZE else {}
        super().__init__("grpc-server",
                         {"GRPC_PORT": self.grpc_port, **bound, **(settings or {})}, files=files)

    def rss(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * 4096

    def counted(self, name, **labels):
        return self.metrics().total(name, **labels)


class GrpcTestCase(unittest.TestCase):
    """A processor and a gRPC server for each test, which calls start()."""

    def start(self, processor=None, files=None, **settings):
        self.processor = Service("processor", {"SINK": "file", "QUEUE_SIZE": 100_000,
                                               **(processor or {})})
        self.addCleanup(self.processor.discard)
        self.processor.start()
        self.server = GrpcService({"PROCESSOR_URL": self.processor.url, **settings}, files=files)
        self.addCleanup(self.server.discard)
        self.server.start()
        self.client = self.connect()

    def connect(self, **options):
        client = Client(self.server.grpc_port, **options)
        self.addCleanup(client.channel.close)
        return client

    def results(self):
        """The ids of what was worked off, sorted."""
        return sorted(line["message_id"] for line in self.processor.file_lines("results.ndjson")
                      if line["success"])

    def expect_results(self, ids):
        until("all are worked off", lambda: self.results() == sorted(ids), 20)

    def assert_works(self):
        answer = self.client.ingest(request(), timeout=CALL_S, wait_for_ready=True)
        self.assertEqual(answer.status, "accepted")
        return answer.message_id

    @contextlib.contextmanager
    def fails(self, code, *words):
        """The call inside fails with that code; yields a list that then has the error."""
        caught = []
        with self.assertRaises(grpc.RpcError) as raised:
            yield caught
        caught.append(raised.exception)
        self.assertEqual(raised.exception.code().name, code, raised.exception)
        for word in words:
            self.assertIn(word, raised.exception.details())
