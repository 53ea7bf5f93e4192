"""What deploy/systemd promises, asked of a real systemd: scripts/test-systemd.sh boots one and runs
this there.
"""

import os
import pathlib
import resource
import signal
import socket
import stat
import threading
import unittest

import machine
from machine import SERVICES, STATE, TARGET, prop, run, until


class Installed(unittest.TestCase):
    """Installed and with settings of its own; afterwards nothing is left."""

    settings = {"SINK": "file"}

    def setUp(self):
        machine.install("install")
        machine.write_settings(**self.settings)
        self.addCleanup(machine.install, "uninstall", "--purge")


class RunningTest(Installed):
    def setUp(self):
        super().setUp()
        machine.start()
        machine.ready()

    def test_a_message_goes_all_the_way_and_its_result_is_for_the_group_to_read(self):
        message = machine.post()
        until("the result is there", lambda: message in machine.results())
        file = STATE / "results.ndjson"
        self.assertEqual((file.owner(), file.group()), ("millrace", "millrace"))
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640)
        self.assertEqual(stat.S_IMODE(STATE.stat().st_mode), 0o750)

    def test_each_is_locked_in(self):
        users = set()
        for service in SERVICES:
            with self.subTest(service):
                status = dict(line.split(":\t") for line in
                              machine.proc(service, "status").splitlines())
                self.assertEqual(int(status["CapBnd"], 16), 0)
                self.assertEqual(int(status["CapEff"], 16), 0)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Seccomp"], "2")
                self.assertNotIn("0", status["Uid"].split())
                users.add(status["Uid"])
                own = {str(STATE)} if service == "processor" else set()
                self.assertEqual(set(machine.as_service(service, machine.writable_folders)),
                                 {"/tmp", "/var/tmp"} | own)
                self.assertEqual(machine.as_service(service, machine.processes_of_others), [])
                self.assertEqual(machine.as_service(service, machine.executable_programs), [])
        self.assertEqual(len(users), len(SERVICES), "each has a user of its own")

    def test_the_sandbox_takes_nothing_that_a_service_needs(self):
        for service in SERVICES:
            with self.subTest(service):
                self.assertEqual(os.sched_getscheduler(machine.main_pid(service)), os.SCHED_BATCH)
                status, metrics = machine.ask(service, "/metrics")
                self.assertEqual(status, 200)
                values = dict(line.rsplit(" ", 1) for line in metrics.splitlines()
                              if line.startswith("process_"))
                for name in ("process_start_time_seconds", "process_open_fds",
                             "process_resident_memory_bytes"):
                    self.assertGreater(float(values[name]), 0, name)
                # As many as the unit wants, or as this machine lets its own systemd have.
                most = min(1048576, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
                self.assertEqual(float(values["process_max_fds"]), most)
                self.assertNotIn("not permitted", machine.journal(service))
                self.assertNotIn("denied", machine.journal(service))

    def test_only_the_edges_are_seen_from_other_machines(self):
        listening = run("ss", "-Hltn")
        for port, addresses in {8080: "0.0.0.0", 50052: "0.0.0.0", 8081: "127.0.0.1",
                                8082: "127.0.0.1"}.items():
            self.assertIn(f" {addresses}:{port} ", listening.replace("*:", "0.0.0.0:"))

    def test_a_killed_processor_comes_back(self):
        before = machine.main_pid("processor")
        os.kill(before, signal.SIGKILL)
        until("another one runs", lambda: machine.main_pid("processor") not in (0, before))
        machine.ready()
        self.assertEqual(prop("processor", "NRestarts"), "1")
        message = until("a message is accepted", machine.post)
        until("its result is there", lambda: message in machine.results())

    def test_reload_opens_the_files_anew(self):
        first = machine.post()
        until("the result is there", lambda: first in machine.results())
        (STATE / "results.ndjson").rename(STATE / "results.old")
        run("systemctl", "reload", "millrace-processor")
        until("there is a new file", (STATE / "results.ndjson").exists)
        second = machine.post()
        until("the result is in the new file", lambda: machine.results() == [second])


class StopTest(Installed):
    def stop_under_load(self):
        """Stops all while messages come in; the ids of those that were accepted."""
        accepted = []
        going = threading.Event()

        def load():
            while (message := machine.post()) is not None:
                accepted.append(message)
                going.set()

        loads = [threading.Thread(target=load) for _ in range(4)]
        for one in loads:
            one.start()
        self.assertTrue(going.wait(machine.PATIENCE_S))
        run("systemctl", "stop", TARGET)
        for one in loads:
            one.join()
        return accepted

    def test_a_stop_drains_in_the_order_of_the_flow_and_loses_nothing(self):
        machine.start()
        machine.ready()
        accepted = self.stop_under_load()
        for service in SERVICES:
            with self.subTest(service):
                until("it is down", lambda service=service: prop(service, "MainPID") == "0")
                self.assertEqual(prop(service, "ExecMainCode"), "1", "exited by itself")
                self.assertEqual(prop(service, "ExecMainStatus"), "0")
                self.assertEqual(prop(service, "Result"), "success")
        for first, second in (("api-gateway", "ingest"), ("ingest", "processor"),
                              ("grpc-server", "processor")):
            # What starts after another stops before it: not only this time, when both were quick.
            self.assertIn(machine.unit(second), prop(first, "After").split())
            ended = int(prop(first, "ExecMainExitTimestampMonotonic"))
            told = int(prop(second, "ActiveExitTimestampMonotonic"))
            self.assertLess(ended, told, f"{second} is told to stop when {first} has drained")
        self.assertEqual(set(accepted) - set(machine.results()), set())


class FailingTest(Installed):
    def test_a_wrong_setting_fails_once_and_says_so(self):
        machine.write_settings("processor", PROCESSOR_WORKERS="none")
        machine.start()
        # While it waits for a restart the state is "activating".
        until("it has failed", lambda: prop("processor", "ActiveState") == "failed")
        self.assertEqual(prop("processor", "ExecMainStatus"), "2")
        self.assertEqual(prop("processor", "NRestarts"), "0")
        self.assertIn("PROCESSOR_WORKERS", machine.journal("processor"))
        until("the others go on", lambda: machine.ask("api-gateway", "/livez")[0] == 200)

    def test_no_service_starts_on_defaults_when_its_settings_are_gone(self):
        (machine.SETTINGS / "millrace.env").unlink()
        self.assertNotEqual(machine.attempt("systemctl", "start", "millrace-processor").returncode, 0)
        self.assertEqual(prop("processor", "Result"), "resources")
        self.assertEqual(prop("processor", "ExecMainPID"), "0")

    def test_a_port_that_is_taken_is_tried_again(self):
        with socket.create_server(("127.0.0.1", machine.PORTS["processor"])):
            machine.start()
            until("it was tried again", lambda: int(prop("processor", "NRestarts")) >= 2)
            self.assertIn("status=1/FAILURE", machine.journal("processor"))
        machine.ready()

    def test_one_service_can_be_left_out(self):
        machine.start()
        run("systemctl", "disable", "--now", "millrace-grpc-server")
        run("systemctl", "restart", TARGET)
        machine.ready("api-gateway", "ingest", "processor")
        self.assertEqual(prop("grpc-server", "ActiveState"), "inactive")


class SecretsTest(Installed):
    settings = {"QUEUE_TYPE": "nats", "NATS_USER": "mill", "NATS_PASSWORD": "a-secret", "SINK": "file"}

    def setUp(self):
        super().setUp()
        self.run_beside("test-broker", "nats-server", "-js", "-sd", "/tmp/nats", "-a", "127.0.0.1",
                        "--user", "mill", "--pass", "a-secret")
        until("NATS listens", lambda: ":4222 " in run("ss", "-Hltn"))

    def run_beside(self, name, *command):
        run("systemd-run", "--quiet", f"--unit={name}", "--collect", *command)
        self.addCleanup(run, "systemctl", "stop", f"{name}.service")

    def test_the_queue_in_nats_works_and_its_password_is_for_those_who_log_in(self):
        machine.start()
        machine.ready()
        message = machine.post()
        until("the result is there", lambda: message in machine.results())
        for service in SERVICES:
            told = "a-secret" in machine.proc(service, "environ")
            self.assertEqual(told, service != "api-gateway", service)
            self.assertNotIn("a-secret", machine.journal(service))
            self.assertNotIn("a-secret", run("systemctl", "show", machine.unit(service)))
        self.assertEqual(stat.S_IMODE((machine.SETTINGS / "millrace.env").stat().st_mode), 0o600)


class CredentialsTest(Installed):
    """The drop-in that deploy/systemd/README.md shows."""

    def setUp(self):
        super().setUp()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=localhost", "-days", "1",
            "-keyout", "/etc/millrace/grpc.key", "-out", "/etc/millrace/grpc.crt")
        text = (machine.CHECKOUT / "deploy/systemd/README.md").read_text()
        drop_in = text.split("```ini\n", 1)[1].split("```", 1)[0]
        self.assertIn("LoadCredential", drop_in)
        folder = pathlib.Path("/etc/systemd/system/millrace-grpc-server.service.d")
        folder.mkdir()
        self.addCleanup(folder.rmdir)
        (folder / "tls.conf").write_text(drop_in)
        self.addCleanup((folder / "tls.conf").unlink)
        run("systemctl", "daemon-reload")

    def test_the_grpc_server_takes_its_key_from_a_file_that_only_root_reads(self):
        machine.start()
        machine.ready()
        shown = machine.attempt("openssl", "s_client", "-connect", "127.0.0.1:50052", "-alpn", "h2",
                                "-CAfile", "/etc/millrace/grpc.crt", "-verify_return_error").stdout
        self.assertIn("Verify return code: 0 (ok)", shown)


class InstallTest(unittest.TestCase):
    def test_nothing_is_left_behind(self):
        before = machine.snapshot()
        machine.install("install")
        machine.start()
        machine.ready()
        self.assertIn("kept:", machine.install("uninstall"))
        kept = {str(path) for path in (machine.SETTINGS, machine.SETTINGS / "millrace.env", STATE,
                                       STATE / "dead-letters.ndjson")}
        self.assertEqual(machine.snapshot() - before, kept)
        self.assertEqual(run("systemctl", "list-units", "--all", "--plain", "--no-legend",
                             "millrace*"), "")
        machine.install("uninstall", "--purge")
        self.assertEqual(machine.snapshot(), before)
        self.assertNotEqual(machine.attempt("getent", "passwd", "millrace").returncode, 0)

    def test_an_install_over_a_running_one_keeps_settings_and_replaces_nothing_that_runs(self):
        self.addCleanup(machine.install, "uninstall", "--purge")
        machine.install("install")
        machine.write_settings(QUEUE_SIZE="7")
        machine.start()
        machine.ready()
        pid = machine.main_pid("processor")
        machine.install("install")
        self.assertIn("QUEUE_SIZE=7\n", (machine.SETTINGS / "millrace.env").read_text())
        self.assertEqual(machine.main_pid("processor"), pid)


if __name__ == "__main__":
    unittest.main()
