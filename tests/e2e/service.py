"""One of the executables as a process: started on a free port in a directory of its own, asked, and
stopped strictly.

MILLRACE_BIN names the directory with the executables. For builds with sanitizers
MILLRACE_E2E_SANITIZE names them and MILLRACE_E2E_PATIENCE (default 1) multiplies what a test waits.
"""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "servers"))

import exposition  # noqa: E402
import wire  # noqa: E402
from free_ports import free_port  # noqa: E402

PATIENCE = float(os.environ.get("MILLRACE_E2E_PATIENCE", "1"))
SANITIZE = os.environ.get("MILLRACE_E2E_SANITIZE", "")
ANSWER_S = 1.0 * PATIENCE  # within which every request gets its answer
READY_S = 10.0 * PATIENCE
STOP_S = 35.0 * PATIENCE
POLL_S = 0.01

PORT_VARIABLES = {"api-gateway": "API_PORT", "ingest": "INGEST_PORT", "processor": "PROCESSOR_PORT",
                  "grpc-server": "GRPC_METRICS_PORT"}  # where the probes are
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


def whole_lines(path):
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def good_body(source="e2e", data="hello", **more):
    return json.dumps({"source": source, "data": data, **more}).encode()


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

    def command(self):
        return [executable(self.name)]

    def spawn(self):
        """Starts it, and waits for nothing."""
        def limit_files():
            if self.files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=clean_environment(self.settings),
                preexec_fn=limit_files if self.files is not None else None)

    def start(self, ready=True):
        self.spawn()
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

    def health(self):
        """What /health says, and whether its status code agrees."""
        response = wire.request(self.port, "GET", "/health")
        body = response.json()
        if response.status != (200 if body["healthy"] else 503):
            raise AssertionError(f"{self.name}: {response.status} and {body}")
        return body

    def healthcheck(self, settings=None):
        """A run of --healthcheck, with its settings and these."""
        return subprocess.run(
            [executable(self.name), "--healthcheck"], cwd=self.directory, text=True,
            env=clean_environment({**self.settings, **(settings or {})}), capture_output=True,
            timeout=30 * PATIENCE, check=False)

    def metrics(self):
        return exposition.Samples(wire.request(self.port, "GET", "/metrics").body.decode())

    @contextlib.contextmanager
    def suspended(self):
        """Stopped as a machine that swaps: its connections stay open, and nobody answers."""
        self.send_signal(signal.SIGSTOP)
        try:
            until(f"{self.name} stands still", lambda: self._thread_states() == {"T"})
            yield
        finally:
            self.send_signal(signal.SIGCONT)

    def _thread_states(self):
        stats = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return {stat.read_text().rpartition(")")[2].split()[0] for stat in stats}

    def post(self, body=None, headers=None):
        """The answer of a gateway or an ingest to an event."""
        path = INGEST_PATHS[self.name]
        return wire.request(self.port, "POST", path, body or good_body(), headers)

    def get_json(self, path):
        response = wire.request(self.port, "GET", path)
        if response.status != 200:
            raise AssertionError(f"{self.name} {path}: {response}")
        return response.json()

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def file_lines(self, name, torn_max=0):
        """The whole lines, as objects, of an NDJSON file it writes.

        Each kill -9 may tear one, for the kernel ends a write between two pages: so many are left
        out at most.
        """
        objects, torn = [], 0
        for number, line in enumerate(whole_lines(self.directory / name), 1):
            try:
                objects.append(json.loads(line))
            except ValueError:
                torn += 1
                if torn > torn_max:
                    raise AssertionError(f"{name}, line {number} isn't JSON: {line!r}") from None
        return objects

    def result_ids(self, pattern="results.ndjson", torn_max=0):
        """The ids in its result files, rotated ones too if `pattern` says so; as often as there."""
        return [result["message_id"] for path in sorted(self.directory.glob(pattern))
                for result in self.file_lines(path.name, torn_max)]

    def dead_letters(self, pattern="dead-letters.ndjson"):
        return [letter for path in sorted(self.directory.glob(pattern))
                for letter in self.file_lines(path.name)]

    def logged(self, event):
        """The log's entries of that event so far."""
        entries = (json.loads(line) for line in whole_lines(self.log_path))
        return [entry for entry in entries if entry["event"] == event]

    def until_logged(self, event):
        return until(f"{self.name} logs '{event}'", lambda: self.logged(event))

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

    def expect_stopped(self, expected=0):
        """Waits for the end of a drain that was asked for already."""
        code = self.wait()
        self.process = None
        if code != expected:
            raise AssertionError(f"{self.name} exited with {code}: {self.log()[-3000:]}")
        self.log_lines()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def discard(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
