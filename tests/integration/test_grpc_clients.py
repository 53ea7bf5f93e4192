"""Other people's clients at the gRPC door: grpcurl with the README's own commands, Python and Go with
those of the examples."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from service import Service, free_port, until  # noqa: E402  (the path comes first)

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "millrace"
TOOLS = CACHE / "tools"


def commands_of(page, mark):
    """The shell blocks of a Markdown page that have that in them."""
    return [block for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.S)
            if mark in block]


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-clients-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for part in ("api", "examples"):
            shutil.copytree(ROOT / part, cls.directory / part)
        cls.processor = Service("processor", {"SINK": "file"})
        cls.addClassCleanup(cls.processor.discard)
        cls.processor.start()
        cls.port = free_port()
        cls.server = Service("grpc-server",
                             {"GRPC_PORT": cls.port, "PROCESSOR_URL": cls.processor.url})
        cls.addClassCleanup(cls.server.discard)
        cls.server.start()

    def sh(self, script):
        """As a user would paste it, but for the port; what it prints."""
        go = pathlib.Path(subprocess.run(
            [ROOT / "scripts" / "install-tools.sh", "--go"], check=True, capture_output=True,
            text=True).stdout.strip())
        path = f"{TOOLS}:{go.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("localhost:50052",
                                                              f"localhost:{self.port}")],
            cwd=self.directory, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "PATH": path, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod",
                 "GOBIN": str(self.directory / "bin")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def worked_off(self):
        return len(self.processor.file_lines("results.ndjson"))

    def test_grpcurl_as_the_readme_has_it(self):
        blocks = commands_of(ROOT / "README.md", "grpcurl -plaintext")
        self.assertTrue(blocks)
        before = self.worked_off()
        printed = "".join(self.sh(block) for block in blocks)
        for words in ("diplom.v1.IngestService", "rpc IngestAcks", '"status": "accepted"',
                      '"accepted": "3"', '"index": "1"', '"status": "SERVING"'):
            self.assertIn(words, printed)
        ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", printed))
        self.assertGreaterEqual(len(ids), 4)
        until("all are worked off", lambda: self.worked_off() >= before + len(ids))

    def test_python_example(self):
        (block,) = commands_of(ROOT / "examples" / "grpc" / "README.md", "client.py")
        lines = self.sh(block).splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["0", "1"])
        for line in lines:
            self.assertRegex(line, r"^\d [0-9a-f]{8}-[0-9a-f-]{27}$")

    def test_go_example(self):
        (block,) = commands_of(ROOT / "examples" / "grpc" / "README.md", "go build")
        block = "".join(line + "\n" for line in block.splitlines()
                        if not line.startswith("go install"))
        self.assertEqual(self.sh(block), "2 accepted, 0 rejected\n")


if __name__ == "__main__":
    unittest.main()
