"""scripts/install_systemd.sh below a folder: what it brings, what it says of an error, and that it
never stops half-way. What it does on a machine is asked in test_systemd.py.
"""

import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/install_systemd.sh"
SERVICES = ("api-gateway", "ingest", "processor", "grpc-server")


class InstallTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-install-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "root"
        self.bin = pathlib.Path(folder.name) / "bin"
        for made in (self.root, self.bin):
            made.mkdir()
        for service in SERVICES:
            (self.bin / service).write_text(f"{service}, first\n")

    def run_script(self, *arguments):
        return subprocess.run([SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "MILLRACE_BIN": str(self.bin)}, text=True,
                              check=False, timeout=60)

    def run_below(self, verb, *arguments):
        return self.run_script(verb, "--root", str(self.root), *arguments)

    def files(self):
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}

    def assert_refused(self, done, *words):
        """One line that says why, and nothing is there that wasn't before."""
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def mode(self, path):
        return stat.S_IMODE((self.root / path).stat().st_mode)

    def test_it_brings_executables_units_and_settings(self):
        done = self.run_below("install")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        for service in SERVICES:
            self.assertEqual(self.mode(f"usr/local/bin/{service}"), 0o755)
            self.assertEqual(self.mode(f"etc/systemd/system/millrace-{service}.service"), 0o644)
        for path in ("etc/systemd/system/millrace.target", "etc/sysusers.d/millrace.conf",
                     "etc/systemd/system/millrace-.service.d/10-common.conf"):
            self.assertEqual(self.mode(path), 0o644)
        self.assertEqual(self.mode("etc/millrace"), 0o700)
        self.assertEqual(self.mode("etc/millrace/millrace.env"), 0o600)
        self.assertFalse([path for path in self.files() if path.endswith(".new")])

    def test_the_settings_are_all_there_and_all_comments(self):
        self.run_below("install")
        lines = (self.root / "etc/millrace/millrace.env").read_text().splitlines()
        self.assertEqual([line for line in lines if line and not line.startswith("#")], [])
        example = (SCRIPT.parents[1] / ".env.example").read_text().splitlines()
        wanted = [line for line in example if line.startswith("#") and not line.startswith("# ")]
        self.assertGreater(len(wanted), 50)
        self.assertEqual([line for line in lines if "=" in line and not line.startswith("# ")], wanted)

    def test_again_it_replaces_programs_and_keeps_settings(self):
        self.run_below("install")
        before = self.files()
        (self.root / "etc/millrace/millrace.env").write_text("QUEUE_TYPE=nats\n")
        (self.bin / "ingest").write_text("ingest, second\n")
        self.assertEqual(self.run_below("install").returncode, 0)
        self.assertEqual((self.root / "usr/local/bin/ingest").read_text(), "ingest, second\n")
        self.assertEqual((self.root / "etc/millrace/millrace.env").read_text(), "QUEUE_TYPE=nats\n")
        self.assertEqual(self.files(), before)

    def test_what_fails_on_the_way_is_taken_back(self):
        self.run_below("install")
        (self.bin / "ingest").write_text("ingest, second\n")
        (self.root / "etc/sysusers.d/millrace.conf.new").mkdir()
        before = self.files()
        done = self.run_below("install")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing was changed", done.stderr.splitlines()[-1])
        self.assertEqual(self.files(), before)
        self.assertEqual((self.root / "usr/local/bin/ingest").read_text(), "ingest, first\n")

    def test_of_a_first_install_that_fails_no_folder_stays(self):
        (self.root / "etc").write_text("not a folder\n")
        self.assertNotEqual(self.run_below("install").returncode, 0)
        self.assertEqual(self.files(), {"etc"})

    def test_executables_that_are_not_built(self):
        (self.bin / "grpc-server").unlink()
        self.assert_refused(self.run_below("install"), "grpc-server is missing", "make build")
        self.assertEqual(self.files(), set())

    def test_a_folder_where_a_file_belongs(self):
        (self.root / "usr/local/bin/processor").mkdir(parents=True)
        before = self.files()
        self.assert_refused(self.run_below("install"), "processor is a folder")
        self.assertEqual(self.files(), before)

    @unittest.skipIf(pathlib.Path("/run/systemd/system").exists(), "systemd is here")
    def test_no_systemd(self):
        for verb in ("install", "uninstall"):
            self.assert_refused(self.run_script(verb), "systemd is missing")

    def test_wrong_usage(self):
        for arguments in ((), ("remove",), ("install", "--purge"), ("install", "--root"),
                          ("install", "--root", "/not/there"), ("install", "more")):
            with self.subTest(arguments):
                self.assert_refused(self.run_script(*arguments))

    def test_a_dry_run_says_all_and_does_nothing(self):
        done = self.run_below("install", "--dry-run")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.files(), set())
        self.run_below("install")
        before = self.files()
        for path in before:
            if (self.root / path).is_file():
                self.assertIn(path, done.stdout)
        done = self.run_below("uninstall", "--purge", "--dry-run")
        self.assertIn("would run: rm", done.stdout)
        self.assertEqual(self.files(), before)

    def test_uninstall_keeps_what_is_the_operators_until_purge(self):
        self.run_below("install")
        results = self.root / "var/lib/millrace/results.ndjson"
        results.parent.mkdir(parents=True)
        results.write_text("")
        self.assertEqual(self.run_below("uninstall").returncode, 0)
        kept = {path for path in self.files() if (self.root / path).is_file()}
        self.assertEqual(kept, {"etc/millrace/millrace.env", "var/lib/millrace/results.ndjson"})
        self.assertEqual(self.run_below("uninstall", "--purge").returncode, 0)
        self.assertFalse([path for path in self.files() if "millrace" in path])


if __name__ == "__main__":
    unittest.main()
