#!/usr/bin/env python3
"""Runs a command with real brokers beside it.

  scripts/with_servers.py [--unless-ours ARGUMENT] nats kafka -- COMMAND [ARGUMENT]...

Starts each named broker on a free port with its data in a temporary folder, waits until it answers,
runs the command, and stops them all. The command finds in its environment, for NATS and KAFKA:

  MILLRACE_TEST_NATS          where it listens (nats://127.0.0.1:PORT; 127.0.0.1:PORT for Kafka)
  MILLRACE_TEST_NATS_PIDFILE  a file with its process id
  MILLRACE_TEST_NATS_RESTART  a shell command that starts it again with its data, after a kill

A broker whose variable is set already is used as it is: none is started. One that has no _PIDFILE
can't be killed or stopped; then the command gets the argument of --unless-ours, which leaves out
what would do that. The exit code is the
command's; 1 when a broker can't be had or doesn't start, which is never a skip."""

import argparse
import os
import pathlib
import select
import shlex
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "servers"))

import servers  # noqa: E402  (the path comes first)


def pid_file(server):
    return server.directory / "pid"


def note_pid(server):
    pid_file(server).write_text(f"{server.process.pid}\n")


def environment_of(server, control):
    name = f"MILLRACE_TEST_{server.name}"
    restart = f"echo {server.name} > {shlex.quote(str(control))}.in && " \
              f"read -r answer < {shlex.quote(str(control))}.out && [ \"$answer\" = ok ]"
    return {name: getattr(server, "url", server.address), f"{name}_PIDFILE": str(pid_file(server)),
            f"{name}_RESTART": restart}


class Control:
    """Lets the command have a broker restarted by us, its parent, who will stop it at the end."""

    def __init__(self, running):
        self.running = {server.name: server for server in running}
        self.directory = running[0].directory
        self.path = self.directory / "control"
        for end in (".in", ".out"):
            os.mkfifo(f"{self.path}{end}")

    def serve(self, command):
        """Until the command has ended."""
        requests = os.open(f"{self.path}.in", os.O_RDWR | os.O_NONBLOCK)
        try:
            while command.poll() is None:
                self.answer_one(requests)
        finally:
            os.close(requests)

    def answer_one(self, requests):
        if not select.select([requests], [], [], 0.05)[0]:
            return
        for name in os.read(requests, 4096).decode().split():
            server = self.running[name]
            answer = "ok"
            try:
                server.kill()
                server.start()
                note_pid(server)
            except servers.CantStart as error:
                print(f"with_servers: {error}", file=sys.stderr)
                answer = "failed"
            with open(f"{self.path}.out", "w") as out:
                out.write(f"{answer}\n")


def given(name, what=""):
    return os.environ.get(f"MILLRACE_TEST_{name.upper()}{what}")


def run(names, command):
    running = []
    try:
        for name in dict.fromkeys(names):
            if not given(name):
                server = servers.SERVERS[name]()
                running.append(server)
                server.start()
                note_pid(server)
        environment = dict(os.environ)
        if not running:
            return subprocess.call(command, env=environment)
        control = Control(running)
        for server in running:
            environment.update(environment_of(server, control.path))
        with subprocess.Popen(command, env=environment) as process:
            try:
                control.serve(process)
            finally:
                if process.poll() is None:
                    process.terminate()
            return process.wait()
    except servers.CantStart as error:
        print(f"with_servers: {error}", file=sys.stderr)
        return 1
    finally:
        for server in running:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unless-ours", metavar="ARGUMENT",
                        help="appended to the command when a broker can't be killed")
    parser.add_argument("servers", nargs="+", choices=sorted(servers.SERVERS), metavar="BROKER",
                        help="nats, kafka")
    if "--" not in sys.argv:
        parser.parse_args()
        parser.error("there is no command: give it after --")
    cut = sys.argv.index("--")
    options, command = parser.parse_args(sys.argv[1:cut]), sys.argv[cut + 1:]
    if not command:
        parser.error("there is no command after --")

    def leave(number, _frame):
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    not_ours = [name for name in options.servers if given(name) and not given(name, "_PIDFILE")]
    if not_ours and options.unless_ours:
        print(f"with_servers: {', '.join(not_ours)} is not ours: {options.unless_ours}",
              file=sys.stderr)
        command.append(options.unless_ours)
    code = run(options.servers, command)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
