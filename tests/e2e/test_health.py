"""What the services say of their health, with the reasons: at /health, in the metrics and by
--healthcheck.
"""

import pathlib
import re
import signal
import subprocess
import unittest

import wire
from harness import PATIENCE, Service, Stack, StackTestCase, good_body, until, within

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPONENTS = {"api-gateway": ["upstreams", "memory"], "ingest": ["queue", "memory"],
              "processor": ["queue", "queue_depth", "workers", "disk", "memory"]}
TOOK = r", \d+\.\d ms\n"


def component(service, name):
    (found,) = [one for one in service.health()["components"] if one["name"] == name]
    return found


def state_of(service, name):
    return component(service, name)["status"]


def sampled(service, name):
    return service.metrics().total("millrace_health_status", component=name)


class HealthTestCase(unittest.TestCase):
    def stack(self, **options):
        """Running until the test's end; how it ends is no matter."""
        stack = Stack(**options)
        self.addCleanup(stack.discard)
        return stack.start()

    def expect_said(self, service, code, pattern, **settings):
        """--healthcheck says one line that matches, quickly."""
        with within(2 + 0.5 * PATIENCE):
            run = service.healthcheck(settings)
        self.assertRegex(run.stdout, rf"\A{service.name}: {pattern}\Z", run)
        self.assertEqual((run.returncode, run.stderr), (code, ""), run)


class Well(StackTestCase, HealthTestCase):
    def test_each_says_how_its_components_are(self):
        for service in self.stack.services:
            with self.subTest(service=service.name):
                health = service.health()
                self.assertEqual((health["healthy"], health["status"], health["service"]),
                                 (True, "healthy", service.name))
                self.assertNotIn("error", health)
                self.assertEqual([one["name"] for one in health["components"]],
                                 COMPONENTS[service.name])
                for one in health["components"]:
                    self.assertEqual(one["status"], "healthy")
                    self.assertNotIn("reason", one)
                    self.assertGreater(len(one), 2, "no number that helps")

    def test_metrics_say_the_same(self):
        for service in self.stack.services:
            with self.subTest(service=service.name):
                metrics = service.metrics()
                samples = {dict(labels)["component"]: value for (name, labels), value
                           in metrics.values.items() if name == "millrace_health_status"}
                self.assertEqual(samples, dict.fromkeys(COMPONENTS[service.name], 0))
                self.assertGreater(metrics["millrace_memory_limit_bytes"],
                                   metrics["process_resident_memory_bytes"])
        for service in (self.stack.ingest, self.stack.processor):
            self.assertEqual(
                service.metrics().total("millrace_queue_connected", provider="memory"), 1)
        disk = {"file": "dead_letters"}
        metrics = self.stack.processor.metrics()
        self.assertGreater(metrics.total("millrace_disk_size_bytes", **disk),
                           metrics.total("millrace_disk_free_bytes", **disk))

    def test_healthcheck(self):
        for service in self.stack.services:
            self.expect_said(service, 0, "healthy" + TOOK)
            self.expect_said(service, 0, "healthy" + TOOK, BIND_ADDRESS="0.0.0.0")

    def test_healthcheck_of_another_service(self):
        self.expect_said(self.stack.ingest, 1, r"no answer at \S+/health: processor is there\n",
                         INGEST_PORT=self.stack.processor.port)

    def test_healthcheck_is_in_the_help(self):
        run = subprocess.run([self.stack.ingest.process.args[0], "--help"], capture_output=True,
                             text=True, timeout=30, check=True)
        self.assertIn("--healthcheck", run.stdout)


class Crowded(HealthTestCase):
    def test_healthcheck_of_a_service_without_a_free_connection(self):
        service = Service("processor", {"MAX_CONNECTIONS": 1})
        self.addCleanup(service.discard)
        service.start()
        until("its only connection is free again", lambda: self.held(service), 15)
        self.expect_said(service, 1, "unhealthy: takes no connection: no connection is free.*" +
                         TOOK)

    def held(self, service):
        """Whether a connection that stays was let in."""
        connection = wire.Connection(service.port)
        self.addCleanup(connection.close)
        return connection.request("GET", "/livez").status == 200


class Full(HealthTestCase):
    def test_a_queue_that_fills_up(self):
        stack = self.stack(processor={"HANDLER": "faulty", "PROCESSOR_WORKERS": 1, "QUEUE_SIZE": 10,
                                      "HEALTH_QUEUE_WARNING": 50})
        self.post(stack, 4)
        self.assertEqual(state_of(stack.processor, "queue_depth"), "healthy")
        self.post(stack, 1)
        health = stack.processor.health()
        self.assertEqual((health["healthy"], health["status"]), (True, "warning"))
        depth = component(stack.processor, "queue_depth")
        self.assertEqual(depth, {"name": "queue_depth", "status": "warning",
                                 "reason": "50 % full (5 of 10)", "messages": 5, "capacity": 10,
                                 "percent": 50})
        self.assertEqual(sampled(stack.processor, "queue_depth"), 1)
        self.assertTrue(stack.ingest.health()["healthy"])
        self.expect_said(stack.processor, 0,
                         r"warning: queue_depth: 50 % full \(5 of 10\)" + TOOK)

        self.post(stack, 5)
        health = stack.processor.health()
        self.assertEqual((health["status"], health["error"]),
                         ("unhealthy", "queue_depth: full (10 of 10)"))
        self.assertEqual(sampled(stack.processor, "queue_depth"), 2)
        self.assertEqual(stack.processor.probe("/readyz"), 503)
        self.expect_said(stack.processor, 1,
                         r"unhealthy: queue_depth: full \(10 of 10\)" + TOOK)
        until("ingest knows", lambda: state_of(stack.ingest, "queue") == "unhealthy")

    def post(self, stack, count):
        for _ in range(count):
            self.assertEqual(
                stack.ingest.post(good_body(metadata={"fault": "slow:60000"})).status, 200)


class Down(HealthTestCase):
    def test_processor(self):
        stack = self.stack()
        address = f"127.0.0.1:{stack.processor.port}"
        stack.processor.kill()
        for service, name in ((stack.ingest, "queue"), (stack.gateway, "upstreams")):
            with self.subTest(service=service.name):
                health = service.health()
                self.assertEqual(health["status"], "unhealthy")
                self.assertIn(address, health["error"])
                self.assertTrue(health["error"].startswith(f"{name}: "), health)
                until("the metrics know", lambda s=service, n=name: sampled(s, n) == 2)
                self.expect_said(service, 1, rf"unhealthy: {name}: .*{re.escape(address)}.*" + TOOK)
        self.assertEqual(
            stack.ingest.metrics().total("millrace_queue_connected", provider="memory"), 0)
        stack.processor.start()
        for service, name in ((stack.ingest, "queue"), (stack.gateway, "upstreams")):
            until("it is healthy again", lambda s=service: s.health()["status"] == "healthy")
            until("the metrics know", lambda s=service, n=name: sampled(s, n) == 0)
        self.assertEqual(
            stack.ingest.metrics().total("millrace_queue_connected", provider="memory"), 1)

    def test_metrics_learn_of_it_though_nobody_else_asks(self):
        stack = self.stack()
        stack.processor.kill()
        until("the metric knows", lambda: stack.ingest.metrics().total(
            "millrace_queue_connected", provider="memory") == 0)

    def test_one_of_several(self):
        stack = self.stack()
        gone = f"http://127.0.0.1:{Service('ingest').port}"
        second = Service("api-gateway", {"INGEST_URL": f"{stack.ingest.url},{gone}",
                                         "PROCESSOR_URL": stack.processor.url})
        third = Service("ingest", {"PROCESSOR_URL": f"{gone},{stack.processor.url}"})
        for service, name in ((second, "upstreams"), (third, "queue")):
            self.addCleanup(service.discard)
            service.start()
            found = component(service, name)
            self.assertEqual(found["status"], "warning")
            self.assertIn(gone.removeprefix("http://"), found["reason"])
            self.assertTrue(service.health()["healthy"])
        found = component(second, "upstreams")
        self.assertEqual((found["ingest_ready"], found["ingest_configured"]), (1, 2))

    def test_no_answer(self):
        processor = Service("processor")
        self.addCleanup(processor.discard)
        self.expect_said(processor, 1, rf"no answer at {processor.url}/health: "
                         r"connection refused\n")
        processor.start()
        with processor.suspended():
            self.expect_said(processor, 1, rf"no answer at {processor.url}/health: "
                             r"no answer in time\n")

    def test_draining(self):
        stack = self.stack(processor={"HANDLER": "faulty"})
        self.assertEqual(stack.ingest.post(good_body(metadata={"fault": "slow:3000"})).status, 200)
        until("it is in work", lambda: stack.pool_stats()["busy"] == 1)
        stack.processor.send_signal(signal.SIGTERM)
        stack.processor.until_logged("draining")
        self.expect_said(stack.processor, 1, "(no answer at .*|unhealthy: .*draining.*)\n")


class Limits(HealthTestCase):
    def processor(self, **settings):
        service = Service("processor", settings)
        self.addCleanup(service.discard)
        return service.start()

    def test_disk(self):
        processor = self.processor(HEALTH_DISK_WARNING=1, HEALTH_DISK_UNHEALTHY=0, SINK="file")
        until("it was looked at", lambda: state_of(processor, "disk") == "warning")
        self.assertRegex(component(processor, "disk")["reason"],
                         r"^(sink|dead_letters): \d+ % of the disk used \(.* GiB free\)$")
        for file in ("sink", "dead_letters"):
            self.assertGreater(processor.metrics().total("millrace_disk_free_bytes", file=file), 0)
        self.assertEqual(sampled(processor, "disk"), 1)
        processor = self.processor(HEALTH_DISK_WARNING=0, HEALTH_DISK_UNHEALTHY=1)
        until("it was looked at", lambda: state_of(processor, "disk") == "unhealthy")
        self.assertIn("disk: dead_letters: ", processor.health()["error"])
        self.assertEqual(processor.probe("/readyz"), 200)

    def test_workers(self):
        stack = self.stack(processor={"HANDLER": "faulty", "PROCESSOR_WORKERS": 2,
                                      "HANDLER_TIMEOUT": "50ms"})
        for state in ("warning", "unhealthy"):
            self.assertEqual(stack.ingest.post(good_body(metadata={"fault": "hang"})).status, 200)
            until(f"workers are {state}",
                  lambda state=state: state_of(stack.processor, "workers") == state)
        self.assertEqual(component(stack.processor, "workers")["stuck"], 2)

    def test_wrong_ones(self):
        for name, settings in (
                ("api-gateway", {"HEALTH_MEMORY_WARNING": 96}),
                ("processor", {"HEALTH_DISK_WARNING": 50, "HEALTH_DISK_UNHEALTHY": 49}),
                ("processor", {"HEALTH_LAG_WARNING": 2, "HEALTH_LAG_UNHEALTHY": 1}),
                ("ingest", {"HEALTH_MEMORY_UNHEALTHY": "95%"})):
            with self.subTest(settings=settings):
                service = Service(name)
                self.addCleanup(service.discard)
                run = service.healthcheck(settings)
                self.assertEqual((run.returncode, run.stdout), (2, ""), run)
                self.assertRegex(run.stderr, r"\AHEALTH_\w+=\S+: .*\(allowed: .*\)\n\Z")


class Table(unittest.TestCase):
    """What `make health-check` shows."""

    def bash(self, command, lines=""):
        sources = "source scripts/lib.sh; source scripts/health_table.sh; "
        return subprocess.run(["bash", "-euo", "pipefail", "-c", sources + command], cwd=ROOT,
                              input=lines, capture_output=True, text=True, timeout=30, check=False)

    def table(self, *lines):
        run = self.bash("health_table", "".join(f"{line}\n" for line in lines))
        self.assertEqual(run.stderr, "")
        self.assertNotIn("\x1b", run.stdout)
        rows = [line.split(maxsplit=4) for line in run.stdout.splitlines()]
        self.assertEqual(rows[0], ["SERVICE", "STATE", "LATENCY", "ADDRESS", "REASON"])
        return run.returncode, rows[1:]

    def test_rows_and_exit_code(self):
        well = "ingest healthy 1.2ms http://localhost:1"
        warns = "processor warning 1.3ms http://localhost:2 lag: 7 messages wait"
        for line, code in ((well, 0), (warns, 0),
                           ("ingest unhealthy 9.0ms http://localhost:1 queue: gone", 1),
                           ("ingest no-answer - http://localhost:1 connection refused", 1)):
            with self.subTest(line=line):
                self.assertEqual(self.table(well, line, warns),
                                 (code, [one.split(maxsplit=4) for one in (well, line, warns)]))

    def test_what_healthcheck_says_becomes_a_row(self):
        for said, row in (
                ("ingest: healthy, 1.2 ms", "ingest healthy 1.2ms http://h:1 "),
                ("ingest: warning: queue: a, b: c, 10.0 ms",
                 "ingest warning 10.0ms http://h:1 queue: a, b: c"),
                ("ingest: unhealthy: queue: x, 1.0 ms", "ingest unhealthy 1.0ms http://h:1 queue: x"),
                ("ingest: no answer at http://h:1/health: connection refused",
                 "ingest no-answer - http://h:1 connection refused")):
            run = self.bash(f"health_line ingest http://h:1 '{said}'")
            self.assertEqual((run.stdout, run.stderr), (row + "\n", ""))


if __name__ == "__main__":
    unittest.main()
