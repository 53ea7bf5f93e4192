"""What is in the images, and what they are told."""

import json
import re
import subprocess
import unittest

from stack import SERVICES, TAG, USER, docker, inspect, run, stack

IMAGE_BYTES_MAX = 30_000_000
ALLOWED_FILES = re.compile(
    r"(api-gateway|ingest|processor|grpc-server|lib64/ld-linux-x86-64\.so\.2"
    r"|(usr/)?lib/x86_64-linux-gnu/[\w.+-]+\.so[\w.]*|etc/ssl/certs/ca-certificates\.crt"
    r"|etc/nsswitch\.conf)")
# Every container has these of the engine's own.
OF_THE_ENGINE = re.compile(r"\.dockerenv|dev/.*|etc/(hostname|hosts|resolv\.conf|mtab)|proc|sys")


class Images(unittest.TestCase):
    def each(self):
        for service in SERVICES:
            with self.subTest(image=service):
                yield service, inspect(f"millrace/{service}:{TAG}")

    def test_sizes(self):
        for service, about in self.each():
            self.assertLessEqual(about["Size"], IMAGE_BYTES_MAX)
            self.assertGreater(about["Size"], 1_000_000, service)

    def test_what_they_are_told(self):
        for service, about in self.each():
            config = about["Config"]
            self.assertEqual(config["User"], USER)
            self.assertEqual(config["StopSignal"], "SIGTERM")
            self.assertEqual(config["Healthcheck"]["Test"], ["CMD", f"/{service}", "--healthcheck"])
            self.assertEqual(config["Entrypoint"], [f"/{service}"])
            labels = config["Labels"]
            for name in ("title", "description", "version", "created", "licenses"):
                self.assertTrue(labels[f"org.opencontainers.image.{name}"], name)
            self.assertRegex(labels["org.opencontainers.image.revision"], r"[0-9a-f]{40}")
            self.assertNotEqual(labels["org.opencontainers.image.version"], "0.0.0")

    def test_nothing_else_is_in_them(self):
        for service, _ in self.each():
            container = docker("create", f"millrace/{service}:{TAG}")
            try:
                listing = subprocess.run(f"docker export {container} | tar -t", shell=True,
                                         check=True, capture_output=True, text=True).stdout
            finally:
                docker("rm", container)
            files = [name for name in listing.splitlines() if not name.endswith("/")]
            self.assertIn(service, files)
            strange = [name for name in files if not ALLOWED_FILES.fullmatch(name)
                       and not OF_THE_ENGINE.fullmatch(name)]
            self.assertEqual(strange, [])

    def test_they_start(self):
        for service, _ in self.each():
            done = run("docker", "run", "--rm", "--read-only", "--cap-drop", "ALL",
                       f"millrace/{service}:{TAG}", "--version")
            self.assertEqual((done.returncode, done.stdout.split()[0]), (0, service), done.stderr)
            shell = run("docker", "run", "--rm", "--entrypoint", "/bin/sh", f"millrace/{service}:{TAG}")
            self.assertEqual(shell.returncode, 127, shell.stderr)

    def test_bills_of_materials(self):
        for service, _ in self.each():
            path = stack.folder / "build" / "sbom" / f"sbom-of-{service}.spdx.json"
            bill = json.loads(path.read_text(encoding="utf-8"))
            packages = {one["name"]: one["versionInfo"] for one in bill["packages"]}
            for name in (service, "libc6", "libstdc++6", "ca-certificates", "libboost1.81-dev",
                         *(["librdkafka1"] if service != "api-gateway" else []),
                         *(["libmimalloc2.0"] if service in ("ingest", "processor") else []),
                         *(["libgrpc-dev"] if service == "grpc-server" else [])):
                self.assertTrue(packages.get(name), (name, sorted(packages)))
            known = {one["SPDXID"] for one in bill["packages"]} | {"SPDXRef-DOCUMENT"}
            for relation in bill["relationships"]:
                self.assertIn(relation["relatedSpdxElement"], known)
                self.assertIn(relation["spdxElementId"], known)


if __name__ == "__main__":
    unittest.main(verbosity=2)
