"""Settings and options: a bad value is one clear line and exit code 2, and nothing is started."""

import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

import wire
from harness import (ANSWER_S, PORT_VARIABLES, Service, clean_environment, executable, free_port,
                     within)

ALL = ("api-gateway", "ingest", "processor")
GATEWAY, INGEST, PROCESSOR = ALL

BAD_PORTS = ("0", "65536", "-1", "80a", "8080 ", "http", "1e3", "0x50", "99999999999999999999")
BAD_COUNTS = ("0", "-1", "4x", "four", "1.5", "99999999999999999999")
BAD_DURATIONS = ("0", "-1s", "5 s", "5h", "soon", "1.5s", "99999999999999999999s")
BAD_URLS = ("localhost:8081", "ftp://localhost", "https://localhost", "http://", "http://:80",
            "http://host:0", "http://host:99999", "http://host:80x", "http://a,", "http://a b")
BAD_WORDS = ("nope", "MEMORY", "none,log")

# variable: (who reads it, bad values)
BAD_VALUES = {
    "API_PORT": ((GATEWAY,), BAD_PORTS),
    "INGEST_PORT": ((INGEST,), BAD_PORTS),
    "PROCESSOR_PORT": ((PROCESSOR,), BAD_PORTS),
    "INGEST_URL": ((GATEWAY,), BAD_URLS),
    "PROCESSOR_URL": ((GATEWAY, INGEST), BAD_URLS),
    "PROCESSOR_WORKERS": ((PROCESSOR,), BAD_COUNTS),
    "QUEUE_SIZE": ((PROCESSOR,), BAD_COUNTS),
    "QUEUE_TYPE": ((INGEST, PROCESSOR), BAD_WORDS),
    "HANDLER": ((PROCESSOR,), BAD_WORDS),
    "SINK": ((PROCESSOR,), BAD_WORDS),
    "MAX_ATTEMPTS": ((PROCESSOR,), BAD_COUNTS),
    "MAX_CONNECTIONS": (ALL, BAD_COUNTS),
    "IO_THREADS": (ALL, BAD_COUNTS),
    "SHUTDOWN_TIMEOUT": (ALL, BAD_DURATIONS),
    "REQUEST_TIMEOUT": (ALL, BAD_DURATIONS),
    "READ_TIMEOUT": (ALL, BAD_DURATIONS),
    "IDLE_TIMEOUT": (ALL, BAD_DURATIONS),
    "LOG_LEVEL": (ALL, ("nope", "INFO", "7")),
    "BIND_ADDRESS": (ALL, ("localhost", "1.2.3", "1.2.3.4.5", "300.0.0.1", "::g", "*")),
}

DEFAULTS = {
    "API_PORT": "8080", "INGEST_PORT": "8081", "PROCESSOR_PORT": "8082",
    "INGEST_URL": "http://localhost:8081", "PROCESSOR_URL": "http://localhost:8082",
    "PROCESSOR_WORKERS": "4", "QUEUE_SIZE": "1000", "QUEUE_TYPE": "memory",
    "HANDLER": "passthrough", "SINK": "none", "SINK_FILE": "results.ndjson",
    "DEAD_LETTER_FILE": "dead-letters.ndjson", "MAX_ATTEMPTS": "3", "SHUTDOWN_TIMEOUT": "30s",
    "LOG_LEVEL": "info", "BIND_ADDRESS": "0.0.0.0",
}


def readers(variable):
    if variable in BAD_VALUES:
        return BAD_VALUES[variable][0]
    return (PROCESSOR,)  # the files


class SettingsTestCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="millrace-settings-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_one(self, name, *options, settings=None):
        with within(3 * ANSWER_S):
            return subprocess.run([executable(name), *options], cwd=self.directory, text=True,
                                  env=clean_environment(settings), capture_output=True,
                                  timeout=30, check=False)

    def assert_complaint(self, run, *words):
        """Exit code 2, one line on standard error with all the words, nothing else."""
        self.assertEqual(run.returncode, 2, run)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertTrue(run.stderr.endswith("\n"))
        for word in words:
            self.assertIn(word, run.stderr)

    def effective(self, run):
        self.assertEqual((run.returncode, run.stderr), (0, ""), run)
        return dict(line.split("=", 1) for line in run.stdout.splitlines())


class BadValues(SettingsTestCase):
    def test_each_is_named_with_its_value_and_what_is_allowed(self):
        for variable, (names, values) in BAD_VALUES.items():
            for name in names:
                for value in values:
                    with self.subTest(service=name, setting=f"{variable}={value}"):
                        run = self.run_one(name, settings={variable: value})
                        self.assert_complaint(run, variable, value, "allowed")

    def test_check_config_says_the_same(self):
        for variable, (names, values) in BAD_VALUES.items():
            with self.subTest(variable=variable):
                settings = {variable: values[0]}
                started = self.run_one(names[0], settings=settings)
                checked = self.run_one(names[0], "--check-config", settings=settings)
                self.assert_complaint(checked, variable, values[0], "allowed")
                self.assertEqual(checked.stderr, started.stderr)

    def test_nothing_is_left_behind(self):
        self.run_one(PROCESSOR, settings={"LOG_LEVEL": "nope", "SINK": "file"})
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_control_characters_stay_in_the_line(self):
        for value in ("80\n80", "\x1b[31m80", "80\r"):
            run = self.run_one(GATEWAY, settings={"API_PORT": value})
            self.assert_complaint(run, "API_PORT")
            self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f]", run.stderr), run.stderr)

    def test_a_long_value_is_cut(self):
        run = self.run_one(GATEWAY, settings={"API_PORT": "9" * 10_000})
        self.assert_complaint(run, "API_PORT")
        self.assertLess(len(run.stderr), 500)

    def test_what_a_service_does_not_read_does_not_stop_it(self):
        run = self.run_one(GATEWAY, "--check-config", settings={"QUEUE_SIZE": "nope"})
        self.assertEqual(run.returncode, 0)


class Options(SettingsTestCase):
    def test_help_names_every_setting_with_its_default(self):
        for name in ALL:
            run = self.run_one(name, "--help")
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            for option in ("--help", "--version", "--check-config"):
                self.assertIn(option, run.stdout)
            for variable in {*BAD_VALUES, *DEFAULTS}:
                if name in readers(variable):
                    with self.subTest(service=name, variable=variable):
                        self.assertRegex(run.stdout, rf"\b{variable}\b")
                        self.assertIn(DEFAULTS.get(variable, ""), run.stdout)

    def test_version(self):
        for name in ALL:
            run = self.run_one(name, "--version")
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertRegex(run.stdout, rf"\A{name} \d+\.\d+\.\d+\n\Z")

    def test_help_and_version_do_not_look_at_the_settings(self):
        for option in ("--help", "--version"):
            self.assertEqual(self.run_one(GATEWAY, option,
                                          settings={"API_PORT": "nope"}).returncode, 0)

    def test_unknown_option(self):
        for options in (("--nope",), ("nope",), ("--check-config", "--help")):
            with self.subTest(options=options):
                self.assert_complaint(self.run_one(INGEST, *options))

    def test_check_config_prints_the_effective_settings(self):
        for name in ALL:
            effective = self.effective(self.run_one(name, "--check-config"))
            for variable, value in DEFAULTS.items():
                with self.subTest(service=name, variable=variable):
                    expected = value if name in readers(variable) else None
                    self.assertEqual(effective.get(variable), expected)

    def test_environment_wins_over_the_file(self):
        (self.directory / ".env").write_text(
            "# a comment\n\nQUEUE_SIZE=20\nPROCESSOR_WORKERS=2\nexport SINK=log\n")
        effective = self.effective(self.run_one(PROCESSOR, "--check-config",
                                                settings={"QUEUE_SIZE": "30", "SINK": ""}))
        self.assertEqual(effective["QUEUE_SIZE"], "30")
        self.assertEqual(effective["PROCESSOR_WORKERS"], "2")
        self.assertEqual(effective["SINK"], "log")
        self.assertEqual(effective["MAX_ATTEMPTS"], "3")

    def test_bad_value_in_the_file(self):
        (self.directory / ".env").write_text("QUEUE_SIZE=lots\n")
        self.assert_complaint(self.run_one(PROCESSOR), "QUEUE_SIZE", "lots", "allowed")

    def test_file_that_cannot_be_read(self):
        (self.directory / ".env").write_text("QUEUE_SIZE=20\nwhat is this\n")
        self.assert_complaint(self.run_one(PROCESSOR), ".env", "2")


class Ports(SettingsTestCase):
    def test_port_in_use(self):
        for name in ALL:
            with self.subTest(service=name), socket.create_server(("127.0.0.1", 0)) as taken:
                self.assert_refuses_port(name, taken.getsockname()[1])

    def test_port_of_another_of_ours(self):
        for name in ALL:
            with self.subTest(service=name):
                first = Service(name)
                try:
                    first.start(ready=False)
                    self.assert_refuses_port(name, first.port)
                    self.assertEqual(first.probe("/livez"), 200)
                    first.stop()
                finally:
                    first.discard()

    def assert_refuses_port(self, name, port):
        run = self.run_one(name, settings={PORT_VARIABLES[name]: port, "BIND_ADDRESS": "127.0.0.1"})
        self.assertEqual(run.returncode, 1, run)
        self.assertEqual(run.stdout, "")
        errors = [line for line in run.stderr.splitlines() if '"level":"error"' in line]
        self.assertEqual(len(errors), 1, run.stderr)
        self.assertIn(str(port), errors[0])
        self.assertIn("in use", errors[0].lower())

    def test_a_port_can_be_taken_again_at_once(self):
        port = free_port()
        for _ in range(3):
            service = Service(PROCESSOR, port=port)
            try:
                service.start()
                with wire.Connection(port) as connection:
                    self.assertEqual(connection.request("GET", "/livez").status, 200)
                    service.stop()
            finally:
                service.discard()


if __name__ == "__main__":
    unittest.main()
