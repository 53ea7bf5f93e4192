"""Starts the real executables on free ports, each in its own directory, and stops them strictly.

MILLRACE_BIN names the directory with the executables. For builds with sanitizers
MILLRACE_E2E_SANITIZE names them and MILLRACE_E2E_PATIENCE (default 1) multiplies what a test waits.
"""

import contextlib
import functools
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import wire

PATIENCE = float(os.environ.get("MILLRACE_E2E_PATIENCE", "1"))
SANITIZE = os.environ.get("MILLRACE_E2E_SANITIZE", "")
ANSWER_S = 1.0 * PATIENCE  # within which every request gets its answer
READY_S = 10.0 * PATIENCE
STOP_S = 35.0 * PATIENCE
POLL_S = 0.01

PORT_VARIABLES = {"api-gateway": "API_PORT", "ingest": "INGEST_PORT", "processor": "PROCESSOR_PORT"}
INGEST_PATHS = {"api-gateway": "/api/v1/ingest", "ingest": "/ingest"}
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH",
                  "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")


def executable(name):
    directory = os.environ.get("MILLRACE_BIN")
    if not directory:
        raise RuntimeError("set MILLRACE_BIN to the directory with the executables")
    path = pathlib.Path(directory).resolve() / name
    if not path.exists():
        raise RuntimeError(f"{path} does not exist: build it first")
    return str(path)


def clean_environment(settings=None):
    """Only what a process needs: no setting of the caller's shell reaches a test."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment.update({name: str(value) for name, value in (settings or {}).items()})
    return environment


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, timeout_s=5.0):
    """Waits for a condition by its name; returns its first true value."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s * PATIENCE:.1f} s: {what}")
        time.sleep(POLL_S)


@contextlib.contextmanager
def within(seconds=ANSWER_S):
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took > seconds:
        raise AssertionError(f"took {took:.2f} s, more than {seconds:.2f} s")


class Service:
    """One executable. `settings` are environment variables; `files` bounds its descriptors."""

    def __init__(self, name, settings=None, port=None, files=None):
        self.name = name
        self.port = port or free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"millrace-{name}-"))
        self.settings = {PORT_VARIABLES[name]: self.port, "BIND_ADDRESS": "127.0.0.1",
                         "LOG_LEVEL": "info", "IO_THREADS": 2, **(settings or {})}
        self.log_path = self.directory / "stderr.log"
        self.files = files
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, ready=True):
        def limit_files():
            if self.files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [executable(self.name)], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=clean_environment(self.settings),
                preexec_fn=limit_files if self.files is not None else None)
        if ready:
            until(f"{self.name} is ready", self.is_ready, READY_S)
        else:
            until(f"{self.name} is alive", lambda: self.probe("/livez") == 200, READY_S)
        return self

    def is_ready(self):
        return self.probe("/readyz") == 200

    def probe(self, path):
        """The status of a GET, or None when there is no answer."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} exited with {self.process.returncode}: {self.log()}")
        try:
            return wire.request(self.port, "GET", path, timeout_s=3.0).status
        except (OSError, wire.WireError):
            return None

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def get_json(self, path):
        response = wire.request(self.port, "GET", path)
        if response.status != 200:
            raise AssertionError(f"{self.name} {path}: {response}")
        return response.json()

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def file_lines(self, name):
        """The whole lines, as objects, of an NDJSON file it writes."""
        path = self.directory / name
        whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in whole]

    def log_lines(self):
        """The log as objects. Every line must be one: nothing else may write to standard error."""
        lines = []
        for line in self.log().splitlines():
            try:
                entry = json.loads(line)
                missing = {"ts", "level", "service", "event"} - set(entry)
            except (ValueError, TypeError):
                raise AssertionError(f"{self.name} wrote a line that isn't JSON: {line}") from None
            if missing:
                raise AssertionError(f"{self.name} wrote a line without {missing}: {line}")
            lines.append(entry)
        return lines

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout_s=STOP_S):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not exit: {self.log()[-3000:]}") from None

    def stop(self, number=signal.SIGTERM):
        """Drains. Anything but exit code 0 and a clean log is a failure."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.send_signal(number)
        self.expect_stopped()

    def expect_stopped(self):
        """Waits for the end of a drain that was asked for already."""
        code = self.wait()
        self.process = None
        if code != 0:
            raise AssertionError(f"{self.name} exited with {code}: {self.log()[-3000:]}")
        self.log_lines()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def discard(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Stack:
    """processor, ingest and gateway, one behind the other. `settings` go to all three."""

    def __init__(self, settings=None, processor=None, ingest=None, gateway=None):
        settings = settings or {}
        self.processor = Service("processor", {**settings, **(processor or {})})
        upstream = {"PROCESSOR_URL": self.processor.url}
        self.ingest = Service("ingest", {**settings, **upstream, **(ingest or {})})
        upstream = {"INGEST_URL": self.ingest.url, "PROCESSOR_URL": self.processor.url}
        self.gateway = Service("api-gateway", {**settings, **upstream, **(gateway or {})})
        self.services = (self.processor, self.ingest, self.gateway)

    def start(self):
        try:
            for service in self.services:
                service.start()
        except BaseException:
            self.discard()
            raise
        return self

    def stop(self):
        """In flow order, so that nothing accepted is left behind."""
        try:
            for service in reversed(self.services):
                service.stop()
        finally:
            self.discard()

    def discard(self):
        for service in self.services:
            service.discard()

    def ingest_stats(self):
        return self.ingest.get_json("/stats")

    def pool_stats(self):
        return self.processor.get_json("/stats")["pool"]

    def settled(self):
        """The counters once all that was sent is worked off: what must not move by itself."""
        def counters():
            ingest, pool = self.ingest_stats(), self.pool_stats()
            totals = {name: ingest[name] for name in ("TotalReceived", "TotalSent", "TotalFailed")}
            totals.update({name: pool[name] for name in ("processed", "errors")})
            done = pool["processed"] + pool["errors"] >= ingest["TotalSent"]
            answered = ingest["TotalReceived"] == ingest["TotalSent"] + ingest["TotalFailed"]
            return totals if done and answered else None

        return until("everything sent is worked off", counters)


def good_body(source="e2e", data="hello", **more):
    return json.dumps({"source": source, "data": data, **more}).encode()


def at_each_edge(test):
    """Runs a test of a StackTestCase at both places that take a client's JSON."""
    @functools.wraps(test)
    def run(self):
        for service in (self.stack.gateway, self.stack.ingest):
            with self.subTest(edge=service.name):
                test(self, service.port, INGEST_PATHS[service.name])
    return run


class StackTestCase(unittest.TestCase):
    """A test class with a stack of its own, which must drain with exit code 0 at the end."""

    stack_options = {}
    stack = None

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(**cls.stack_options).start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    def assert_works(self, port, path):
        with within():
            response = wire.request(port, "POST", path, good_body())
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.json()["status"], "accepted")

    def assert_problem(self, response, status, *words):
        """An RFC 9457 answer of that status whose detail says each of `words`."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.header("Content-Type"), "application/problem+json", response)
        problem = response.json()
        self.assertEqual(problem["status"], status)
        for field in ("type", "title", "detail"):
            self.assertIsInstance(problem[field], str, problem)
            self.assertTrue(problem[field], problem)
        for word in words:
            self.assertIn(word, problem["detail"])
        self.assertTrue(response.header("X-Request-Id"), response)

    @contextlib.contextmanager
    def nothing_counted(self):
        """What happens inside is not a message: no counter may move."""
        before = self.stack.settled()
        yield
        self.assertEqual(self.stack.settled(), before)
