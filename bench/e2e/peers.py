"""What a user would pick instead, and the brokers' own means: measured beside Millrace."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import types
import urllib.error
import urllib.request

import bench_queues
from systems import ROOT, free_port
from service import until  # systems has put it on the path

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
BENTHOS = CACHE / "tools" / "benthos-4.45.1"


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
                raise RuntimeError(f"{command[0]}: {(self.folder / 'log').read_text()[-2000:]}")
            try:
                urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=2).close()
                return True
            except OSError:
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
        command = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(command):
            raise RuntimeError("nginx isn't there: run 'scripts/install-deps.sh bench'")
        answering, proxy = free_port(), free_port()
        text = (ROOT / "bench" / "load" / "nginx.conf.in").read_text()
        for key, value in (("DIR", self.folder), ("BACKEND", answering), ("PROXY", proxy),
                           ("WORKERS", len(os.sched_getaffinity(0)))):
            text = text.replace(f"@{key}@", str(value))
        (self.folder / "nginx.conf").write_text(text)
        self.answering = f"http://127.0.0.1:{answering}/"
        self.proxy = f"http://127.0.0.1:{proxy}/"
        self.run([command, "-p", self.folder, "-c", self.folder / "nginx.conf"], self.proxy)


class Benthos(_Peer):
    """One process from HTTP over a mapping to nowhere; an answer says that it is done."""

    def start(self):
        self.urls = {}
        for kind in ("single", "batch"):
            port = free_port()
            self.urls[kind] = f"http://127.0.0.1:{port}/ingest"
            config = pathlib.Path(__file__).parent / "benthos" / f"{kind}.yaml"
            self.run([BENTHOS, "-c", config], self.urls[kind], PORT=str(port))


class BrokerTool:
    """What publishes by the broker's own means, onto a stream or topic of its own."""

    KINDS = {"nats": ("a publisher on nats.c", bench_queues.Nats),
             "kafka": ("ProducerPerformance", bench_queues.Kafka)}
    STREAM = "bench-tool"

    def __init__(self, queue, brokers, payload_bytes):
        self.name, make = self.KINDS[queue]
        self.tool = make(brokers, types.SimpleNamespace(bytes=payload_bytes))
        self.tool.run("ours", "publish", self.STREAM, 1)  # makes it, and knows a message's size

    def publish(self):
        """Messages per second."""
        return self.tool.run("theirs", "publish", self.STREAM)
