"""A real Prometheus and a real Alertmanager on the files of monitoring/, each on a free port with its
data in a temporary folder.

What is replaced of their files: addresses, for what DNS says in containers, and Prometheus's
intervals by a second. A name that is looked up by DNS becomes its addresses with the label that a
look-up would give them, so everything else of prometheus.yml is what runs in production.
"""

import json
import pathlib
import shutil
import urllib.error
import urllib.parse
import urllib.request

import yaml

from servers import Server, tool

MONITORING = pathlib.Path(__file__).resolve().parent.parent.parent / "monitoring"
RECEIVER = "http://localhost:9099"  # the placeholder in alertmanager.yml
HINT = "run scripts/install-deps.sh test"
ANSWER_S = 10.0


def ask(url, body=None):
    """The JSON of an answer; `body`, as JSON, makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Monitor(Server):
    @property
    def url(self):
        return f"http://{self.address}"

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=ANSWER_S) as answer:
                return answer.status == 200
        except OSError:
            return False


class PrometheusServer(Monitor):
    """`addresses`: {name that is looked up: [address]}, of the services and of `alertmanager`."""

    name = "Prometheus"

    def __init__(self, addresses):
        super().__init__()
        self.addresses = addresses

    def known(self, discovery):
        """Instead of a look-up: its answer."""
        return {"static_configs": [
            {"targets": self.addresses.get(name, []), "labels": {"__meta_dns_name": name}}
            for one in discovery.pop("dns_sd_configs", []) for name in one["names"]]}

    def prepare(self):
        shutil.copytree(MONITORING / "prometheus", self.directory / "conf")
        path = self.directory / "conf" / "prometheus.yml"
        config = yaml.safe_load(path.read_text("utf-8"))
        config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s",
                             "evaluation_interval": "1s"}
        for scrape in config["scrape_configs"]:
            if "dns_sd_configs" in scrape:
                scrape |= self.known(scrape)
            elif scrape["job_name"] == "prometheus":
                scrape["static_configs"] = [{"targets": [self.address]}]
        for alertmanager in config["alerting"]["alertmanagers"]:
            alertmanager |= self.known(alertmanager)
        path.write_text(yaml.safe_dump(config), "utf-8")

    def command(self):
        return [tool("prometheus", HINT), f"--config.file={self.directory}/conf/prometheus.yml",
                f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address={self.address}", "--log.level=warn"]

    def query(self, expr):
        """The result of an instant query: [{"metric": labels, "value": [time, text]}]."""
        words = urllib.parse.urlencode({"query": expr})
        try:
            return ask(f"{self.url}/api/v1/query?{words}")["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expr}: {error.read().decode()}") from None

    def failing_rules(self):
        """{rule: what it failed with}"""
        groups = ask(f"{self.url}/api/v1/rules")["data"]["groups"]
        return {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"]
                if rule.get("lastError")}


class AlertmanagerServer(Monitor):
    """What it would send goes to the port `receiver` instead."""

    name = "Alertmanager"

    def __init__(self, receiver):
        super().__init__()
        self.receiver = receiver

    def prepare(self):
        text = (MONITORING / "alertmanager" / "alertmanager.yml").read_text("utf-8")
        if RECEIVER not in text:
            raise AssertionError(f"alertmanager.yml has no {RECEIVER}")
        (self.directory / "alertmanager.yml").write_text(
            text.replace(RECEIVER, f"http://127.0.0.1:{self.receiver}"), "utf-8")

    def command(self):
        return [tool("prometheus-alertmanager", HINT),
                f"--config.file={self.directory}/alertmanager.yml",
                f"--storage.path={self.directory}/data", f"--web.listen-address={self.address}",
                "--cluster.listen-address=", "--log.level=warn"]

    def post(self, *alerts):
        """Each is its labels."""
        ask(f"{self.url}/api/v2/alerts", [{"labels": labels} for labels in alerts])

    def alerts(self):
        return ask(f"{self.url}/api/v2/alerts")
