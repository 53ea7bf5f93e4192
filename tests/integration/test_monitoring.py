"""What monitoring/ asks for is there: the four executables under load, a real Prometheus and a real
Alertmanager on the very files (tests/servers/monitors.py says what is replaced), and each query asked.
"""

import http.server
import json
import math
import pathlib
import re
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("tests/e2e", "tests/servers", "monitoring"):
    sys.path.insert(0, str(ROOT / folder))

import yaml  # noqa: E402  (the path comes first)

import monitors  # noqa: E402
import queries  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402
from grpc_client import CALL_S, Client, GrpcService, request  # noqa: E402
from service import (PORT_VARIABLES, Service, clean_environment, executable, good_body,  # noqa: E402
                     until)

DATA_S = 30


class Load:
    """A little of everything, over and over in the background: messages that succeed, are tried
    again, are given up, over REST and gRPC, singly, in batches and in streams."""

    FAULTS = (None, None, None, "retry-until:2", "reject", "throw")

    def __init__(self, gateway, ingest, server):
        self.gateway, self.ingest, self.server = gateway, ingest, server
        self.over = threading.Event()
        self.wrong = []
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        client = Client(self.server.grpc_port)
        try:
            while not self.over.wait(0.05):
                self.round(client)
        except Exception as error:  # whatever it is, the test says it
            self.wrong.append(repr(error))
        finally:
            client.channel.close()

    def round(self, client):
        for fault in self.FAULTS:
            metadata = {"fault": fault} if fault else {}
            for edge in (self.gateway, self.ingest):
                self.expect(edge.post(good_body(metadata=metadata)), 200)
            client.ingest(request(metadata=metadata), timeout=CALL_S)
        self.expect(self.gateway.post(b"{"), 400)
        batch = json.dumps([{"source": "monitored", "data": "x"}] * 20).encode()
        self.expect(wire.request(self.gateway.port, "POST", "/api/v1/ingest/batch", batch), 200)
        self.expect(wire.request(self.gateway.port, "GET", "/api/v1/status"), 200)
        client.stream(iter([request()] * 5), timeout=CALL_S)
        list(client.acks(iter([request()] * 5), timeout=CALL_S))

    def expect(self, response, status):
        if response.status != status:
            self.wrong.append(repr(response))


class Queries(unittest.TestCase):
    """A composite of memory and NATS has the metrics of both."""

    @classmethod
    def setUpClass(cls):
        cls.nats = cls.running(servers.NatsServer())
        settings = {"QUEUE_TYPE": "composite", "COMPOSITE_PROVIDERS": "memory,nats",
                    "NATS_URL": cls.nats.url, "MAX_ATTEMPTS": 2}
        cls.processor = cls.running(Service("processor", {**settings, "HANDLER": "faulty",
                                                          "SINK": "file"}))
        settings["PROCESSOR_URL"] = cls.processor.url
        cls.ingest = cls.running(Service("ingest", settings))
        cls.server = cls.running(GrpcService(settings))
        cls.gateway = cls.running(Service("api-gateway", {"INGEST_URL": cls.ingest.url,
                                                          "PROCESSOR_URL": cls.processor.url}))
        cls.alertmanager = cls.running(monitors.AlertmanagerServer(servers.free_port()))
        services = (cls.gateway, cls.ingest, cls.processor, cls.server)
        addresses = {service.name: [f"127.0.0.1:{service.port}"] for service in services}
        addresses["alertmanager"] = [cls.alertmanager.address]
        cls.prometheus = cls.running(monitors.PrometheusServer(addresses))

    @classmethod
    def running(cls, server):
        cls.addClassCleanup(getattr(server, "discard", server.stop))
        server.start()
        return server

    def test_all_that_is_asked_for_is_there(self):
        with Load(self.gateway, self.ingest, self.server) as load:
            asked = [one for one in queries.asked_by_panels() + queries.asked_by_rules()
                     if "alert" not in (one.rule or {})]
            self.wait_for_data(asked)
            self.check_labels_of_panels(asked)
            until("an alert is at the Alertmanager", lambda: [
                one for one in self.alertmanager.alerts()
                if one["labels"]["alertname"] == "DeadLettersArriving"], 10)
        self.assertEqual(load.wrong, [])
        self.check_metrics_and_labels()
        self.assertEqual(self.prometheus.failing_rules(), {})

    def wait_for_data(self, asked):
        missing = list(asked)

        def all_there():
            missing[:] = [one for one in missing if not self.has_data(one.expr)]
            return not missing

        try:
            until("every query has data", all_there, DATA_S)
        except AssertionError:
            said = [f"{one.where}: {one.expr}" for one in missing]
            raise AssertionError("no data:\n" + "\n".join(said)) from None

    def has_data(self, expr):
        return any(not math.isnan(float(one["value"][1])) for one in self.prometheus.query(expr))

    def check_labels_of_panels(self, asked):
        """What a legend or a column names is a label of a series."""
        for one in (one for one in asked if one.panel):
            wanted = set(re.findall(r"{{(\w+)}}", one.target["legendFormat"]))
            for change in one.panel.get("transformations", []):
                pattern = change["options"]["include"]["pattern"]
                wanted |= set(re.findall(r"\w+", pattern)) - {"Value"}
            labels = {label for series in self.prometheus.query(one.expr)
                      for label in series["metric"]}
            self.assertLessEqual(wanted, labels, one.where)

    def check_metrics_and_labels(self):
        """Each metric of an expression, an alert's too, is exported, with the labels it names."""
        known = {}
        for one in queries.asked_by_panels() + queries.asked_by_rules():
            found = queries.selectors(one.expr)
            for name, labels in found:
                if name not in known:
                    series = self.prometheus.query(name)
                    known[name] = {label for each in series for label in each["metric"]}
                with self.subTest(where=one.where, metric=name):
                    self.assertTrue(known[name], f"nothing exports {name}")
                    self.assertLessEqual(labels, known[name])
            with self.subTest(where=one.where):
                there = set().union(*(known[name] for name, _ in found))
                self.assertLessEqual(queries.grouping_labels(one.expr), there)

    def test_a_metric_that_is_not_there_is_noticed(self):
        self.assertFalse(self.has_data("rate(millrace_no_such_total[1m])"))

    def test_ports_are_the_default_ones(self):
        config = yaml.safe_load((monitors.MONITORING / "prometheus" / "prometheus.yml").read_text())
        for one in config["scrape_configs"][0]["dns_sd_configs"]:
            (name,) = one["names"]
            settings = subprocess.run([executable(name), "--check-config"], check=True, text=True,
                                      capture_output=True, cwd=self.nats.directory,
                                      env=clean_environment()).stdout.splitlines()
            self.assertIn(f"{PORT_VARIABLES[name]}={one['port']}", settings)


def alert(name, severity, service, **more):
    return {"alertname": name, "severity": severity, "service": service, **more}


class Outage(unittest.TestCase):
    def running(self, server):
        self.addCleanup(getattr(server, "discard", server.stop))
        return server.start()

    def test_a_service_that_is_gone_is_noticed(self):
        processor = self.running(Service("processor"))
        alertmanager = self.running(monitors.AlertmanagerServer(servers.free_port()))
        prometheus = self.running(monitors.PrometheusServer({
            "processor": [f"127.0.0.1:{processor.port}"], "alertmanager": [alertmanager.address]}))
        until("it is scraped", lambda: prometheus.query('up{service="processor"} == 1'), 10)
        processor.kill()

        def hidden():
            return {(one["labels"]["alertname"], one["labels"]["service"]):
                    bool(one["status"]["inhibitedBy"]) for one in alertmanager.alerts()}

        # The others, which DNS doesn't know, and the one that doesn't answer.
        expected = {("ServiceDown", name): False for name in PORT_VARIABLES}
        expected["InstanceDown", "processor"] = True
        until("Alertmanager knows of it", lambda: expected.items() <= hidden().items(), 40)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Notes what Alertmanager tells it: (path, [alert names])."""

    told = []

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = [alert["labels"]["alertname"] for alert in message["alerts"]]
        self.told.append((self.path, sorted(names)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Routing(unittest.TestCase):
    def setUp(self):
        Receiver.told.clear()
        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.addCleanup(receiver.server_close)
        thread = threading.Thread(target=receiver.serve_forever)
        self.addCleanup(thread.join)
        self.addCleanup(receiver.shutdown)
        thread.start()
        self.alertmanager = monitors.AlertmanagerServer(receiver.server_address[1])
        self.addCleanup(self.alertmanager.stop)
        self.alertmanager.start()

    def test_the_critical_is_told_and_what_follows_from_it_is_not(self):
        self.alertmanager.post(
            alert("ServiceDown", "critical", "processor"),
            alert("InstanceDown", "warning", "processor", instance="10.0.0.3:8082"),
            alert("UpstreamUnreachable", "warning", "ingest", hop="processor"),
            alert("ErrorRateHigh", "critical", "api-gateway"),
            alert("ConnectionsRefused", "warning", "api-gateway"))
        self.expect_hidden({"ServiceDown": False, "InstanceDown": True,
                            "UpstreamUnreachable": True, "ErrorRateHigh": True,
                            "ConnectionsRefused": False})
        until("the receiver is told", lambda: Receiver.told, 15)
        self.assertEqual(Receiver.told, [("/critical", ["ServiceDown"])])

    def test_what_does_not_follow_is_told(self):
        self.alertmanager.post(
            alert("ServiceDown", "critical", "grpc-server"),
            alert("ErrorRateHigh", "critical", "api-gateway"),
            alert("BrokerUnreachable", "critical", "ingest", provider="nats"),
            alert("HealthUnhealthy", "critical", "processor", component="disk"),
            alert("HealthWarning", "warning", "processor", component="queue"))
        # Without its broker ingest makes the gateway fail; a full disk is a matter of its own.
        self.expect_hidden({"ServiceDown": False, "ErrorRateHigh": True, "BrokerUnreachable": False,
                            "HealthUnhealthy": False, "HealthWarning": True})

    def expect_hidden(self, expected):
        """{alert name: whether Alertmanager hides it}"""
        def hidden():
            found = {one["labels"]["alertname"]: bool(one["status"]["inhibitedBy"])
                     for one in self.alertmanager.alerts()}
            return found if len(found) == len(expected) else None

        self.assertEqual(until("it has the alerts", hidden), expected)


if __name__ == "__main__":
    unittest.main()
