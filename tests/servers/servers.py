"""Real brokers for tests: each on a free port, with its data in a temporary folder, and one can do to
it what happens to servers: kill it, restart it on what it had stored, make it stand still.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

from free_ports import free_port

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
KAFKA_JARS = CACHE / "kafka-3.9.1"
START_S = 60.0
STOP_S = 15.0
PR_SET_PDEATHSIG = 1


class CantStart(Exception):
    """A server that can't be had, or doesn't come up; says which and what its log ends with."""


def die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def tool(name, hint):
    # Debian keeps servers in sbin, which is not on everybody's path.
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise CantStart(f"{name} isn't there: {hint}")
    return found


class Server:
    """A process on a port. `log_tail` of it is in every error.

    For a Proxy there is `proxied_port` to be its upstream; `proxy_port` is where it must listen.
    """

    name = "?"

    def __init__(self, port=None, directory=None):
        self.port = port or free_port()
        self.proxied_port = self.port
        self.proxy_port = free_port()
        self.owns_directory = directory is None
        self.directory = pathlib.Path(directory or
                                      tempfile.mkdtemp(prefix=f"millrace-{self.name.lower()}-"))
        self.log_path = self.directory / "server.log"
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def prepare(self):
        """Once, before the first start."""

    def answers(self):
        raise NotImplementedError

    def start(self):
        self.prepare()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.directory,
                                            preexec_fn=die_with_parent)
        self.wait_until_it_answers()
        return self

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_S
        while not self.answers():
            if self.process.poll() is not None:
                raise CantStart(f"{self.name} ended with {self.process.returncode}:\n"
                                f"{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise CantStart(f"{self.name} didn't answer within {START_S:.0f} s:\n"
                                f"{self.log_tail()}")
            time.sleep(0.02)

    def log_tail(self):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return text[-3000:]

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def suspend(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Ends it, whatever state it is in, and forgets its data."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=1.0)


class NatsServer(Server):
    """`config`: more lines for its configuration file."""

    name = "NATS"

    def __init__(self, port=None, directory=None, config=""):
        super().__init__(port, directory)
        self.config = config

    @property
    def url(self):
        return f"nats://{self.address}"

    def prepare(self):
        (self.directory / "nats.conf").write_text(
            f'listen: "{self.address}"\n'
            f'jetstream {{ store_dir: "{self.directory}/data" }}\n{self.config}\n')

    def command(self):
        return [tool("nats-server", "run scripts/install-deps.sh servers"),
                "-c", str(self.directory / "nats.conf")]

    def answers(self):
        try:
            with self.connect() as connection:
                return b'"jetstream":true' in connection.recv(4096)
        except OSError:
            return False


class KafkaServer(Server):
    """One node that is broker and controller. `config`: more lines of server.properties."""

    name = "KAFKA"

    def __init__(self, port=None, directory=None, config=""):
        super().__init__(port, directory)
        self.controller_port = free_port()
        self.proxied_port = free_port()  # clients learn a broker's address from itself
        self.config = config

    def java(self, main, *arguments):
        if not KAFKA_JARS.is_dir():
            raise CantStart(f"Kafka isn't in {KAFKA_JARS}: run scripts/install-servers.sh")
        return [tool("java", "run scripts/install-deps.sh kafka"), "-Xmx320m", "-Xms128m",
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-cp", f"{KAFKA_JARS}/*", main, *arguments]

    def prepare(self):
        properties = self.directory / "server.properties"
        if properties.exists():
            return
        properties.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{self.controller_port}",
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port},"
            f"PROXIED://127.0.0.1:{self.proxied_port}",
            f"advertised.listeners=PLAINTEXT://{self.address},"
            f"PROXIED://127.0.0.1:{self.proxy_port}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "PROXIED:PLAINTEXT",
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT",
            f"log.dirs={self.directory}/data", "offsets.topic.replication.factor=1",
            "offsets.topic.num.partitions=4", "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=0",
            "auto.create.topics.enable=false", "num.network.threads=2", "num.io.threads=4",
            # A broker that was killed must not wait for its own old session.
            "broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500",
            self.config]) + "\n")
        format_it = self.java("kafka.tools.StorageTool", "format", "-t", self.cluster_id(),
                              "-c", str(properties))
        done = subprocess.run(format_it, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CantStart(f"Kafka's storage can't be formatted:\n{done.stdout}{done.stderr}")

    @staticmethod
    def cluster_id():
        return uuid.uuid4().hex[:22]

    def command(self):
        return self.java("kafka.Kafka", str(self.directory / "server.properties"))

    def answers(self):
        """Asks for the versions of its API (key 18, version 0), the protocol's first question."""
        question = bytes.fromhex("0012 0000 00000001 ffff")
        try:
            with self.connect() as connection:
                connection.sendall(len(question).to_bytes(4, "big") + question)
                return len(connection.recv(16)) > 8
        except OSError:
            return False


SERVERS = {"nats": NatsServer, "kafka": KafkaServer}
