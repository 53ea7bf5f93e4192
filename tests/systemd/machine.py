"""The machine that scripts/test-systemd.sh boots, as its tests see it: commands, units, settings,
requests.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

CHECKOUT = pathlib.Path("/checkout")
STATE = pathlib.Path("/var/lib/millrace")
SETTINGS = pathlib.Path("/etc/millrace")
PORTS = {"api-gateway": 8080, "ingest": 8081, "processor": 8082, "grpc-server": 9095}
SERVICES = tuple(PORTS)
TARGET = "millrace.target"
POLL_S = 0.05
PATIENCE_S = 60.0  # a busy machine is no failure


def run(*command):
    """What it said, both streams; an AssertionError when it failed."""
    done = attempt(*command)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def attempt(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace", check=False,
                          timeout=120)


def install(*arguments):
    return run(str(CHECKOUT / "scripts/install_systemd.sh"), *arguments)


def unit(service):
    return f"millrace-{service}.service"


def prop(service, name):
    return run("systemctl", "show", "--value", "-p", name, unit(service)).strip()


def main_pid(service):
    return int(prop(service, "MainPID"))


def proc(service, name):
    return (pathlib.Path("/proc") / str(main_pid(service)) / name).read_text()


def as_service(service, question):
    """The lines that question() gives, asked as the service's user where it sees the files."""
    pid = main_pid(service)
    owner = os.stat(f"/proc/{pid}")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open(f"/proc/{pid}/ns/mnt", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            os.setgroups([])
            os.setresgid(*[owner.st_gid] * 3)
            os.setresuid(*[owner.st_uid] * 3)
            os.write(writer, "\n".join(question()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as answer:
        lines = answer.read().splitlines()
    if os.waitpid(child, 0)[1] != 0:
        raise AssertionError(f"{service} can't be asked")
    return lines


def writable_folders():
    return [folder for folder, _, _ in os.walk("/")
            if os.access(folder, os.W_OK) and not folder.startswith("/proc/")]


def processes_of_others():
    return [name for name in os.listdir("/proc")
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid != os.getuid()]


def executable_programs():
    return [path for path in ("/usr/bin/sh", "/usr/bin/python3")
            if os.access(path, os.X_OK)]


def journal(service):
    run("journalctl", "--sync")
    return run("journalctl", "-o", "cat", "-u", unit(service))


def until(what, condition):
    """Waits for a condition by its name; returns its first true value."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            states = run("systemctl", "list-units", "--all", "--no-pager", "millrace*")
            logs = run("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", "millrace*")
            raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}\n{states}\n{logs}")
        time.sleep(POLL_S)


def ask(service, path, body=None, timeout_s=5):
    """Status and text of the answer; 0 and the reason when there is none."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORTS[service]}{path}", data=body,
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def post(data="hello"):
    """The id, or None when it isn't accepted."""
    body = json.dumps({"source": "systemd", "data": data}).encode()
    status, text = ask("api-gateway", "/api/v1/ingest", body)
    return json.loads(text)["messageId"] if status == 200 else None


def results():
    """Ids of the messages in the file of the results."""
    file = STATE / "results.ndjson"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line)["message_id"] for line in lines if line.endswith("\n")]


def write_settings(name="millrace", **settings):
    path = SETTINGS / f"{name}.env"
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    path.chmod(0o600)


def ready(*services):
    for service in services or SERVICES:
        until(f"{service} is ready", lambda service=service: ask(service, "/readyz")[0] == 200)


def start():
    """As the README says: of a target that isn't enabled, no service is a part."""
    run("systemctl", "enable", "--quiet", "--now", TARGET)


def snapshot():
    """Each path that is no part of systemd's own work, with what it is."""
    found = set()
    for top in ("/etc", "/usr/local", "/var/lib"):
        for folder, folders, files in os.walk(top):
            found |= {os.path.join(folder, name) for name in folders + files}
    # What makes and removes users keeps copies of what was.
    return {path for path in found if not path.endswith("-") and "/.pwd.lock" not in path
            and not path.startswith(("/var/lib/systemd", "/var/lib/private"))}
