"""Where the chaos happens: real brokers, the real executables on them, load, and the books by id."""

import collections
import contextlib
import dataclasses
import functools
import sys
import pathlib
import time
import uuid

TESTS = pathlib.Path(__file__).resolve().parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(TESTS / folder))

import servers  # noqa: E402  (the path comes first)
import wire  # noqa: E402
from grpc_client import GrpcService  # noqa: E402
from grpc_load import GrpcLoad  # noqa: E402
from harness import Service, until  # noqa: E402
from load import Load  # noqa: E402
from proxy import Proxy  # noqa: E402

BROKERS_OF = {"memory": (), "nats": ("nats",), "kafka": ("kafka",), "composite": ("nats", "kafka")}
SETTLE_S = 60.0


@dataclasses.dataclass
class Figures:
    """What became of the messages of one scenario."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    worked_off: int = 0  # distinct ids with a result, good or bad
    failed: int = 0  # of these, the bad ones: dead letters
    lost: int = 0  # accepted, and no result
    duplicates: int = 0  # results beyond the first of an id
    wrong_answers: int = 0
    slowest_answer_s: float = 0.0
    seconds: float = 0.0
    notes: dict = dataclasses.field(default_factory=dict)


class Brokers:
    """Those a queue type needs, started once for all of its scenarios."""

    def __init__(self, queue):
        self.servers = [servers.SERVERS[name]() for name in BROKERS_OF[queue]]

    def __enter__(self):
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()

    def heal(self):
        """However the last scenario left them."""
        for server in self.servers:
            if server.process is None:
                server.start()
            else:
                server.resume()


class Field:
    """Doors and processors on a stream and a topic of their own. The door is "rest", which is a gateway
    and an ingest, or "grpc"."""

    def __init__(self, queue, brokers, processors=1, settings=None, proxied=False, door="rest"):
        self.brokers = brokers.servers
        self.proxies = [Proxy(server.proxy_port, server.proxied_port)
                        for server in self.brokers] if proxied else []
        name = "chaos-" + uuid.uuid4().hex
        common = {"QUEUE_TYPE": queue, "NATS_STREAM": name, "NATS_DLQ_STREAM": f"{name}-dlq",
                  "NATS_SUBJECT": f"chaos.{name}", "NATS_ACK_WAIT": "2s", "KAFKA_TOPIC": name,
                  "KAFKA_CONSUMER_GROUP": name, "KAFKA_PARTITIONS": 4,
                  "KAFKA_SESSION_TIMEOUT": "6s", "HANDLER": "faulty",
                  "SINK": "file", "SHUTDOWN_TIMEOUT": "10s"}
        for server in self.brokers:
            port = server.proxy_port if proxied else server.port
            variable, prefix = {"NATS": ("NATS_URL", "nats://"),
                                "KAFKA": ("KAFKA_BROKERS", "")}[server.name]
            common[variable] = f"{prefix}127.0.0.1:{port}"
        common.update(settings or {})
        self.processors = [Service("processor", common) for _ in range(processors)]
        processor_urls = {"PROCESSOR_URL": ",".join(one.url for one in self.processors)}
        self.doors = getattr(self, f"{door}_doors")({**common, **processor_urls})
        self.services = [*self.processors, *self.doors]
        self.killed = 0  # processors, each of which may leave a torn line

    def rest_doors(self, settings):
        ingest = Service("ingest", settings)
        gateway = Service("api-gateway", {"PROCESSOR_URL": settings["PROCESSOR_URL"],
                                          "INGEST_URL": ingest.url})
        self.new_load = functools.partial(Load, gateway.port)
        return [ingest, gateway]

    def grpc_doors(self, settings):
        server = GrpcService(settings)
        self.new_load = functools.partial(GrpcLoad, server.grpc_port)
        return [server]

    def __enter__(self):
        try:
            for proxy in self.proxies:
                proxy.start()
            for service in self.services:
                service.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.discard()
        for proxy in self.proxies:
            proxy.stop()

    def load(self, **options):
        return self.new_load(**options)

    def kill(self, service):
        self.killed += service in self.processors
        service.kill()

    def results(self):
        lines = []
        for processor in self.processors:
            lines += processor.file_lines("results.ndjson", torn_max=self.killed)
        return lines

    def dead_letters(self):
        """The ids on the first page of the list, as often as there."""
        page = self.processors[0].get_json("/dlq?limit=1000")
        return [letter["id"] for letter in page["deadLetters"]]

    def replay_all(self):
        answer = wire.request(self.processors[0].port, "POST", "/dlq/replay", b'{"all":true}',
                              timeout_s=10)
        if answer.status != 200:
            raise AssertionError(f"/dlq/replay: {answer}")
        return answer.json()

    def settle(self, load):
        """Waits until everything accepted has its result; what hasn't by then is lost."""
        with contextlib.suppress(AssertionError):
            until("everything accepted is worked off",
                  lambda: load.accepted.keys() <= {line["message_id"] for line in self.results()},
                  SETTLE_S)

    def stop(self):
        """In flow order; each must drain with exit code 0."""
        for service in reversed(self.services):
            service.stop()

    def figures(self, load, began):
        lines = self.results()
        counts = collections.Counter(line["message_id"] for line in lines)
        return Figures(
            accepted=len(load.accepted), refused=load.refused, unknown=load.unknown,
            worked_off=len(counts), failed=len({line["message_id"] for line in lines
                                                if not line["success"]}),
            lost=len(load.accepted.keys() - counts.keys()),
            duplicates=sum(counts.values()) - len(counts), wrong_answers=len(load.wrong),
            slowest_answer_s=round(load.slowest_s, 3), seconds=round(time.monotonic() - began, 1),
            notes={"wrong": load.wrong[:3]} if load.wrong else {})


def until_accepted(load, more, timeout_s=40.0):
    before = len(load.accepted)
    until(f"{more} more are accepted", lambda: len(load.accepted) >= before + more, timeout_s)
