"""Millrace in containers, as `make docker-up` brings it up, in a project and a copy of the tree of its
own, on free ports: nothing of the user's is touched.
"""

import atexit
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from service import free_port  # noqa: E402

SERVICES = ("api-gateway", "grpc-server", "ingest", "processor")
PORTS = ("API_PORT", "GRPC_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")
TAG = "docker-test"
USER = "10001:10001"


def until(what, condition, timeout_s=60.0):
    """Waits for a condition by its name; returns its first true value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.2)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=False, capture_output=True,
                          text=True, **options)


def docker(*arguments):
    done = run("docker", *arguments)
    if done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


def inspect(name):
    return json.loads(docker("inspect", name))[0]


def copy_of_the_tree():
    """What git has, with changes that aren't committed; without the user's .env."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-docker-test-"))
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("results/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class Stack:
    def __init__(self):
        self.project = os.environ.get("MILLRACE_TEST_PROJECT", f"millrace-test-{os.getpid()}")
        self.folder = copy_of_the_tree()
        self.ports = {name: free_port() for name in PORTS}
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "TMPDIR", "LANG")},
            **{name: str(port) for name, port in self.ports.items()},
            "COMPOSE_PROJECT_NAME": self.project, "MILLRACE_TAG": TAG,
            "REVISION": run("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()}

    def script(self, name, *arguments, **settings):
        """One of scripts/, as make calls it."""
        return run(self.folder / "scripts" / name, *arguments, cwd=self.folder,
                   env={**self.environment, **{key: str(at) for key, at in settings.items()}})

    def succeed(self, name, *arguments, **settings):
        done = self.script(name, *arguments, **settings)
        if done.returncode != 0:
            raise AssertionError(f"{name} {arguments} {settings}: exit {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}\n{self.logs()}")
        return done.stdout

    def compose(self, *arguments, **settings):
        return run("docker", "compose", "--profile", "*", *arguments, cwd=self.folder,
                   env={**self.environment, **settings})

    def compose_plain(self, *arguments, **settings):
        """Without any profile, as a user without make."""
        return run("docker", "compose", *arguments, cwd=self.folder,
                   env={**self.environment, **settings})

    def up(self, *scale, **settings):
        return self.succeed("docker_up.sh", *scale, SINK="file", **settings)

    def down(self, volumes=True):
        return self.script("docker_down.sh", **({"VOLUMES": 1} if volumes else {}))

    def discard(self):
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        shutil.rmtree(self.folder, ignore_errors=True)

    def containers(self, *services):
        """Ids, of those that run."""
        return self.compose("ps", "--quiet", *services).stdout.split()

    def environment_of(self, service):
        """Of one of its containers, as the engine has it."""
        return dict(line.split("=", 1) if "=" in line else (line, None)
                    for line in inspect(self.containers(service)[0])["Config"]["Env"])

    def all_containers(self):
        return docker("ps", "--all", "--quiet", "--filter",
                      f"label=com.docker.compose.project={self.project}").split()

    def logs(self):
        return self.compose("logs", "--tail", "15").stdout

    def url(self, path, port="API_PORT"):
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def get(self, path, port="API_PORT"):
        """(status, body as JSON)"""
        try:
            with urllib.request.urlopen(self.url(path, port), timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def query(self, expression):
        """Prometheus's answer: a list of (labels, value)."""
        from urllib.parse import quote
        _, answer = self.get(f"/api/v1/query?query={quote(expression)}", "PROMETHEUS_PORT")
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def inside(self, container):
        """Where it is reached from this machine."""
        about = inspect(container)
        mode = about["HostConfig"]["NetworkMode"]
        if mode.startswith("container:"):
            about = inspect(mode.removeprefix("container:"))
        return next(net["IPAddress"] for net in about["NetworkSettings"]["Networks"].values()
                    if net["IPAddress"])

    def stats(self, container, port):
        with urllib.request.urlopen(f"http://{self.inside(container)}:{port}/stats",
                                    timeout=5) as answer:
            return json.load(answer)

    def worked_off(self):
        """Ids in the sink's file, in the volume."""
        processor = (self.containers("processor") or self.all_containers())[0]
        packed = run("docker", "cp", f"{processor}:/var/lib/millrace/results.ndjson", "-")
        return re.findall(r'"message_id":\s*"([0-9a-f-]{36})"', packed.stdout)


def of_this_run():
    """One stack for all tests, its images built; gone with the process."""
    made = Stack()
    atexit.register(made.discard)
    print(made.succeed("docker_build.sh"), flush=True)
    return made


stack = of_this_run()
