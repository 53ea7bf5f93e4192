"""Instances replaced one after the other, under load, and names that lead to several of them: no
client is refused, no connection breaks under a request, and nothing that was accepted is lost.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import wire
from harness import PATIENCE, Service, free_port, good_body, until
from load import Load

GRACE = {"DRAIN_GRACE": "1s"}
PROCESSOR = {**GRACE, "SINK": "file", "QUEUE_SIZE": 100_000}
BETWEEN = 200  # messages are accepted between two steps, so that every instance has its share
NAME = "instances.test"


class StrictLoad(Load):
    """Clients for whom everything but 200 is wrong, a refused connection too."""

    def _connect(self):
        return wire.Connection(self.port, timeout_s=10 * PATIENCE)

    def wait_for_more(self):
        enough = len(self.accepted) + BETWEEN
        until("the load goes on", lambda: len(self.accepted) >= enough or self.failures(), 30)

    def failures(self):
        return self.wrong or self.refused or self.unknown

    def expect_no_failure(self):
        if self.failures():
            raise AssertionError(f"{len(self.accepted)} accepted, {self.refused} refused, "
                                 f"{self.unknown} unknown, wrong: {self.wrong[:3]}")


class RollingTestCase(unittest.TestCase):
    def service(self, name, settings, port=None):
        service = Service(name, {"SHUTDOWN_TIMEOUT": "20s", **settings}, port)
        self.addCleanup(service.discard)
        return service

    def processors(self, count=2, **settings):
        return [self.service("processor", {**PROCESSOR, **settings}).start() for _ in range(count)]

    def ingests(self, processors, count=2):
        urls = ",".join(processor.url for processor in processors)
        return [self.service("ingest", {**GRACE, "PROCESSOR_URL": urls}).start()
                for _ in range(count)]

    def gateway(self, ingests, processors, port=None, **settings):
        return self.service("api-gateway", {
            **GRACE, "INGEST_URL": ",".join(one.url for one in ingests),
            "PROCESSOR_URL": ",".join(one.url for one in processors), **settings}, port)

    def replace(self, service):
        """A new process on the same port once the old one has drained."""
        service.stop()
        service.start()

    def expect_all_kept(self, load, processors, services):
        """Everything drains, in flow order, and has no word of anything that failed."""
        load.expect_no_failure()
        for service in services:
            service.stop()
        load.expect_kept([key for processor in processors for key in processor.result_ids()])
        for service in services:
            self.assertEqual(service.logged("no answer from upstream"), [], service.name)
            failed = [entry for entry in service.logged("request failed")
                      if entry["route"] != "readyz"]  # before it was ready
            self.assertEqual(failed, [], service.name)


class Replacing(RollingTestCase):
    def test_each_ingest_and_each_processor(self):
        processors = self.processors()
        ingests = self.ingests(processors)
        gateway = self.gateway(ingests, processors).start()
        with StrictLoad(gateway.port) as load:
            for service in (*ingests, *processors):
                load.wait_for_more()
                self.replace(service)
                load.wait_for_more()
        self.expect_all_kept(load, processors, (gateway, *ingests, *processors))

    def test_a_gateway_beside_another_on_its_port(self):
        processors = self.processors(1)
        ingests = self.ingests(processors, 1)
        gateway = self.gateway(ingests, processors, SHARE_PORT="true").start()
        services = [gateway]
        with StrictLoad(gateway.port) as load:
            for _ in range(3):
                load.wait_for_more()
                new = self.gateway(ingests, processors, gateway.port, SHARE_PORT="true")
                new.spawn()
                new.until_logged("ready")
                load.wait_for_more()
                services[-1].stop()
                services.append(new)
        self.expect_all_kept(load, processors, (services[-1], *ingests, *processors))

    def test_a_port_is_not_shared_unasked(self):
        with contextlib.ExitStack() as cleanup:
            first = Service("ingest", {"SHARE_PORT": "true"})
            cleanup.callback(first.discard)
            first.start(ready=False)
            second = Service("ingest", port=first.port)
            cleanup.callback(second.discard)
            second.spawn()
            second.expect_stopped(1)
            first.stop()

    def test_an_idle_client_gets_one_more_answer(self):
        processors = self.processors(1)
        with wire.Connection(processors[0].port) as idle:
            self.assertEqual(idle.request("GET", "/livez").status, 200)
            processors[0].send_signal(15)
            processors[0].until_logged("draining")
            response = idle.request("GET", "/livez")
            self.assertEqual((response.status, response.header("Connection")), (200, "close"))
            idle.expect_close()
        processors[0].expect_stopped()


class NamedService(Service):
    """An executable that sees a hosts file of the test's."""

    def __init__(self, hosts, *args):
        super().__init__(*args)
        self.hosts = hosts

    def command(self):
        script = 'mount --make-rprivate / && mount --bind "$1" /etc/hosts && shift && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", str(self.hosts), *super().command()]


@unittest.skipIf(os.geteuid() != 0, "only root can give a process a hosts file of its own")
class Names(RollingTestCase):
    def setUp(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-hosts-"))
        self.addCleanup(shutil.rmtree, directory)
        self.hosts = directory / "hosts"
        self.port = free_port()

    def lead_to(self, *numbers):
        """In place: the file is mounted."""
        lines = ["127.0.0.1 localhost", *(f"127.0.0.{number} {NAME}" for number in numbers)]
        self.hosts.write_text("\n".join(lines) + "\n", encoding="ascii")

    def instance(self, number, **settings):
        service = self.service("ingest", {**GRACE, "BIND_ADDRESS": f"127.0.0.{number}", **settings},
                               self.port)
        service.spawn()
        service.until_logged("ready")
        return service

    def named_gateway(self, processors):
        gateway = NamedService(self.hosts, "api-gateway", {
            **GRACE, "INGEST_URL": f"http://{NAME}:{self.port}",
            "PROCESSOR_URL": processors[0].url})
        self.addCleanup(gateway.discard)
        return gateway.start()

    def instances_seen(self, gateway):
        return gateway.get_json("/api/v1/status")["ingest"].get("instances", 1)

    def received(self, number):
        with wire.Connection(self.port, address=f"127.0.0.{number}") as connection:
            return connection.request("GET", "/stats").json()["TotalReceived"]

    def test_a_hosts_file_can_be_given(self):
        # A failure, not a skip: whoever is root and can't do this hasn't tested what follows.
        self.lead_to(1, 2)
        script = 'mount --make-rprivate / && mount --bind "$1" /etc/hosts && getent ahostsv4 "$2"'
        found = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(self.hosts), NAME],
                               capture_output=True, text=True, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn("127.0.0.2", found.stdout)

    def test_instances_come_and_go(self):
        processors = self.processors(1)
        settings = {"PROCESSOR_URL": processors[0].url}
        ingests = [self.instance(number, **settings) for number in (1, 2)]
        self.lead_to(1, 2)
        gateway = self.named_gateway(processors)
        until("both are seen", lambda: self.instances_seen(gateway) == 2)
        with StrictLoad(gateway.port) as load:
            load.wait_for_more()
            third = self.instance(3, **settings)
            self.lead_to(1, 2, 3)
            # Two seconds, and a little for a machine that is busy.
            until("the third is used", lambda: self.received(3) > 0, 4)
            self.assertGreater(self.received(2), 0)
            ingests[0].stop()
            self.lead_to(2, 3)
            until("the first is forgotten", lambda: self.instances_seen(gateway) == 2, 4)
            load.wait_for_more()
            ingests[1].stop()
            self.lead_to(3)
            load.wait_for_more()
        self.expect_all_kept(load, processors, (gateway, third, *processors))

    def test_a_name_of_both_families_is_one_instance(self):
        processors = self.processors(1)
        ingest = self.service("ingest", {**GRACE, "PROCESSOR_URL": processors[0].url}, self.port)
        ingest.start()
        self.hosts.write_text(f"127.0.0.1 {NAME}\n::1 {NAME}\n", encoding="ascii")
        gateway = self.named_gateway(processors)
        with StrictLoad(gateway.port) as load:
            load.wait_for_more()
        self.assertEqual(self.instances_seen(gateway), 1)
        self.assertEqual(gateway.metrics().total("millrace_hop_unavailable_total"), 0)
        self.expect_all_kept(load, processors, (gateway, ingest, *processors))


if __name__ == "__main__":
    unittest.main()
