"""What is measured: Millrace on each of its queues, and what a user would pick instead, each started
on the cores it may use and up for as long as the with-block."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("MILLRACE_BENCH", ROOT / "build" / "release" / "bin"))
os.environ.setdefault("MILLRACE_BIN", str(BINARIES))
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

from service import Service, free_port, until  # noqa: E402  (the path comes first)

TICKS_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
BENTHOS = CACHE / "tools" / "benthos-4.45.1"
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


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS_S
    return total


def resident_mb(pids):
    pages = (int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return sum(pages) * PAGE_BYTES / 1e6


class Millrace:
    """gateway, ingest, gRPC server and processor on one queue, settled between two measurements."""

    name = "millrace"

    def __init__(self, queue, brokers, cores, **more):
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
        self.grpc_port = free_port()
        self.grpc = Service("grpc-server", {**settings, "GRPC_PORT": self.grpc_port})
        self.services = [self.processor, self.ingest, self.gateway, self.grpc]
        self.start_ms = {}

    def __enter__(self):
        try:
            for service in self.services:
                self._start(service)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for service in reversed(self.services):
            service.stop()
            service.discard()

    def _start(self, service):
        """Asked often, for the time to ready is a figure."""
        began = time.monotonic()
        service.start(ready=False)
        while not service.is_ready():
            time.sleep(0.001)
        self.start_ms[service.name] = (time.monotonic() - began) * 1000

    @property
    def pids(self):
        return [service.process.pid for service in self.services]

    def url(self, kind):
        return {"single": f"{self.gateway.url}/api/v1/ingest",
                "batch": f"{self.gateway.url}/api/v1/ingest/batch",
                "ingest": f"{self.ingest.url}/ingest"}[kind]

    def accepted(self):
        return (self.ingest.get_json("/stats")["TotalSent"] +
                self.grpc.get_json("/stats")["TotalSent"])

    def processed(self):
        return self.processor.get_json("/stats")["pool"]["processed"]

    def settle(self):
        """Waits until all that was accepted is worked off; how many were, ever."""
        accepted = self.accepted()
        until("all that was accepted is worked off", lambda: self.processed() >= accepted, SETTLE_S)
        processed = self.processed()
        if processed != accepted:
            raise SystemExit(f"{self.queue}: accepted {accepted:,}, processed {processed:,}")
        return processed

    def ages(self):
        """Messages by how old they were when worked off: {upper bound in s: at or below it}."""
        return {float(dict(labels)["le"]): value
                for (name, labels), value in self.processor.metrics().values.items()
                if name == "millrace_end_to_end_seconds_bucket"}


class _Peer:
    """Another's server: what it answered well was done."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-bench-peer-"))
        self.processes = []
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command, url, **environment):
        with open(self.folder / "log", "ab") as log:
            self.processes.append(subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, **environment}))

        def answers():
            if self.processes[-1].poll() is not None:
                raise SystemExit(f"{command[0]}: {(self.folder / 'log').read_text()[-2000:]}")
            try:
                urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=2).close()
                return True
            except urllib.error.URLError:
                return False

        until(f"{command[0]} answers", answers, 20)

    @property
    def pids(self):
        parents = [process.pid for process in self.processes]
        return parents + [int(child) for parent in parents for child in pathlib.Path(
            f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def settle(self):
        return None


class Nginx(_Peer):
    """`return 200`, and a plain proxy in front of it."""

    def start(self):
        answering, proxy = free_port(), free_port()
        text = (ROOT / "bench" / "load" / "nginx.conf.in").read_text()
        for key, value in (("DIR", self.folder), ("BACKEND", answering), ("PROXY", proxy)):
            text = text.replace(f"@{key}@", str(value))
        (self.folder / "nginx.conf").write_text(text)
        self.urls = {"nginx return 200": f"http://127.0.0.1:{answering}/",
                     "nginx proxy": f"http://127.0.0.1:{proxy}/"}
        command = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.folder, "-c",
                   self.folder / "nginx.conf"]
        self.run(command, self.urls["nginx proxy"])


class Benthos(_Peer):
    """One process from HTTP over a mapping to nowhere; an answer says that it is done."""

    def start(self):
        self.urls = {}
        for kind in ("single", "batch"):
            port = free_port()
            self.urls[kind] = f"http://127.0.0.1:{port}/ingest"
            config = pathlib.Path(__file__).parent / "benthos" / f"{kind}.yaml"
            self.run([BENTHOS, "-c", config], self.urls[kind], PORT=str(port))
