"""Millrace on each of its queues, started on the cores it may use and up for as long as the
with-block; and what the kernel knows of processes."""

import contextlib
import os
import pathlib
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "release" / "bin"
BINARIES = pathlib.Path(os.environ.get("MILLRACE_BENCH", BUILT))
os.environ["MILLRACE_BIN"] = str(BINARIES)  # whatever is set: the record names these
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

from service import POLL_S, READY_S, Service, free_port  # noqa: E402  (the path comes first)

TICKS_S = os.sysconf("SC_CLK_TCK")
SETTLE_S = 120


@contextlib.contextmanager
def on_cores(cores):
    """What is started inside may run on `cores` only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def executables_of(folder):
    """Services that are started inside are those of `folder`."""
    before = os.environ["MILLRACE_BIN"]
    os.environ["MILLRACE_BIN"] = str(folder)
    try:
        yield
    finally:
        os.environ["MILLRACE_BIN"] = before


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS_S
    return total


def pss_mb(pid):
    """Resident, with pages that processes share counted in parts."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/smaps_rollup says nothing of Pss")


class Millrace:
    """gateway, ingest, processor and (unless `grpc` is False) gRPC server on one queue, settled between
    two measurements."""

    name = "millrace"

    def __init__(self, queue, brokers, cores, grpc=True, **more):
        """`more`: settings of all services."""
        self.queue = queue
        name = "bench-" + uuid.uuid4().hex
        settings = {"QUEUE_TYPE": queue, "LOG_LEVEL": "warn", "IO_THREADS": len(cores),
                    "QUEUE_SIZE": 100_000, "NATS_STREAM": name, "NATS_DLQ_STREAM": f"{name}-dlq",
                    "NATS_SUBJECT": f"bench.{name}", "KAFKA_TOPIC": name,
                    "KAFKA_CONSUMER_GROUP": name, **more}
        if "nats" in brokers:
            settings["NATS_URL"] = brokers["nats"].url
        if "kafka" in brokers:
            settings["KAFKA_BROKERS"] = brokers["kafka"].address
        self.processor = Service("processor", settings)
        settings["PROCESSOR_URL"] = self.processor.url
        self.ingest = Service("ingest", settings)
        self.gateway = Service("api-gateway", {**settings, "INGEST_URL": self.ingest.url})
        self.doors = [self.ingest]
        self.services = [self.processor, self.ingest, self.gateway]
        if grpc:
            self.grpc_port = free_port()
            self.doors.append(Service("grpc-server", {**settings, "GRPC_PORT": self.grpc_port}))
            self.services.append(self.doors[-1])
        self.start_ms = {}
        self.urls = {"single": f"{self.gateway.url}/api/v1/ingest",
                     "batch": f"{self.gateway.url}/api/v1/ingest/batch",
                     "ingest": f"{self.ingest.url}/ingest"}

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            for service in self.services:
                undo.callback(service.discard)
                undo.callback(service.stop)
                self._start(service)
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def _start(self, service):
        """Asked each millisecond, for the time to ready is a figure."""
        began = time.monotonic()
        service.spawn()
        while not service.is_ready():
            if time.monotonic() - began > READY_S:
                raise RuntimeError(f"{service.name} isn't ready after {READY_S:g} s: {service.log()}")
            time.sleep(0.001)
        self.start_ms[service.name] = (time.monotonic() - began) * 1000

    @property
    def pids(self):
        return [service.process.pid for service in self.services]

    def accepted(self):
        return sum(door.get_json("/stats")["TotalSent"] for door in self.doors)

    def processed(self):
        return self.processor.get_json("/stats")["pool"]["processed"]

    def settle(self):
        """Waits until all that was accepted is worked off; how many were, ever. A door counts a message
        only once it has its answer, so for a moment more may be worked off than accepted."""
        deadline = time.monotonic() + SETTLE_S
        while (accepted := self.accepted()) != (processed := self.processed()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.queue}: accepted {accepted:,}, processed {processed:,}, and so "
                                   f"it stays for {SETTLE_S} s")
            time.sleep(POLL_S)
        return processed

    def ages(self):
        """Messages by how old they were when worked off: {upper bound in s: at or below it}."""
        return {float(dict(labels)["le"]): value
                for (name, labels), value in self.processor.metrics().values.items()
                if name == "millrace_end_to_end_seconds_bucket"}
