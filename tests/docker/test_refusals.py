"""One clear line each, and nothing half-started left behind."""

import socket
import subprocess
import unittest

from stack import inspect, stack, until


class BadInput(unittest.TestCase):
    def refused(self, said, **settings):
        done = stack.script("docker_up.sh", **settings)
        self.assertNotEqual(done.returncode, 0)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], said)
        self.assertEqual(stack.all_containers(), [])

    def test_no_engine(self):
        self.refused("no Docker engine answers at tcp://127.0.0.1:9",
                     DOCKER_HOST="tcp://127.0.0.1:9")

    def test_wrong_queue(self):
        self.refused("QUEUE_TYPE is 'rabbit'.*memory, nats, kafka", QUEUE_TYPE="rabbit")

    def test_no_disk_space(self):
        self.refused("MB free, and 999999999 are needed", DISK_AT_LEAST_MB="999999999")

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused(f"port {port} .*is taken.*API_PORT", API_PORT=port)

    def test_what_does_not_come_up_is_taken_away(self):
        done = stack.script("docker_up.sh", HANDLER="nonsense", WAIT_TIMEOUT=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("HANDLER", done.stderr)
        self.assertEqual(stack.all_containers(), [])

    def test_a_start_that_is_broken_off(self):
        with subprocess.Popen([stack.folder / "scripts" / "docker_up.sh"], cwd=stack.folder,
                              env=stack.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as starting:
            until("something was started", stack.all_containers)
            starting.terminate()
            self.assertNotEqual(starting.wait(60), 0)
        self.assertEqual(stack.all_containers(), [])

    def test_yes_is_1(self):
        done = stack.script("docker_down.sh", VOLUMES="no")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr, "VOLUMES is 'no': 1 and 0 are allowed\n")

    def test_a_queue_without_its_profile(self):
        """With Docker alone: who is asked says what is missing."""
        done = stack.compose_plain("up", "--detach", "--wait", "--wait-timeout", "40",
                                   "processor", QUEUE_TYPE="nats")
        try:
            self.assertNotEqual(done.returncode, 0)
            said = inspect(stack.containers("processor")[0])["State"]["Health"]["Log"][-1]["Output"]
            self.assertRegex(said, "unhealthy.*nats")
        finally:
            stack.down()


if __name__ == "__main__":
    unittest.main(verbosity=2)
