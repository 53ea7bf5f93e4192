"""The whole of `make docker-…` on a real Docker engine, profile by profile."""

import json
import pathlib
import re
import socket
import subprocess
import unittest

from stack import SERVICES, TAG, Stack, docker, inspect, run, until

from grpc_calls import Calls
from harness import good_body
import wire
from strict_load import StrictLoad

USER = "10001:10001"
IMAGE_BYTES_MAX = 30_000_000
TOOLS = pathlib.Path.home() / ".cache" / "millrace" / "tools"
ALLOWED_FILES = re.compile(
    r"(api-gateway|ingest|processor|grpc-server|lib64/ld-linux-x86-64\.so\.2"
    r"|(usr/)?lib/x86_64-linux-gnu/[\w.+-]+\.so[\w.]*|etc/ssl/certs/ca-certificates\.crt"
    r"|etc/nsswitch\.conf)")
# Every container has these of the engine's own.
OF_THE_ENGINE = re.compile(r"\.dockerenv|dev/.*|etc/(hostname|hosts|resolv\.conf|mtab)|proc|sys")

stack = None


def setUpModule():
    global stack
    stack = Stack()
    print(stack.succeed("docker_build.sh"), flush=True)


def tearDownModule():
    stack.discard()
    assert stack.all_containers() == [], "containers are left behind"


def post(count=1, port=None, prefix="m"):
    """Accepted ids, over one connection."""
    ids = []
    with wire.Connection(port or stack.ports["API_PORT"], timeout_s=30) as connection:
        for number in range(count):
            connection.send(wire.build("POST", "/api/v1/ingest", good_body(data=f"{prefix}{number}")))
            response = connection.read_response()
            assert response.status == 200, response
            ids.append(response.json()["messageId"])
    return ids


def post_over_grpc():
    done = run(TOOLS / "grpcurl", "-plaintext", "-d", '{"source":"docker","data":"eA=="}',
               f"127.0.0.1:{stack.ports['GRPC_PORT']}", "diplom.v1.IngestService/Ingest")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.get("status") == "accepted", answer
    return answer["message_id"]


def expect_worked_off(ids, timeout_s=30):
    until("all that was accepted is worked off",
          lambda: set(ids) <= set(stack.worked_off()), timeout_s)


def kill_from_outside(container):
    """As a crash: the engine, asked to kill, would take it for an operator's wish."""
    subprocess.run(["kill", "-9", str(inspect(container)["State"]["Pid"])], check=True)


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
                         *(["libgrpc-dev"] if service == "grpc-server" else [])):
                self.assertTrue(packages.get(name), (name, sorted(packages)))
            known = {one["SPDXID"] for one in bill["packages"]} | {"SPDXRef-DOCUMENT"}
            for relation in bill["relationships"]:
                self.assertIn(relation["relatedSpdxElement"], known)
                self.assertIn(relation["spdxElementId"], known)


class Memory(unittest.TestCase):
    """The queue in memory: three processors and two ingests behind one name each."""

    @classmethod
    def setUpClass(cls):
        print(stack.up("processor=3", "ingest=2", QUEUE_SIZE=5000), flush=True)

    @classmethod
    def tearDownClass(cls):
        down = stack.down()
        assert down.returncode == 0, down.stderr
        assert stack.all_containers() == []

    def test_1_each_is_given_its_share(self):
        ids = post(600) + [post_over_grpc()]
        expect_worked_off(ids)
        for service, port, key in (("processor", 8082, "pool"), ("ingest", 8081, None)):
            counts = []
            for container in stack.containers(service):
                stats = stack.stats(container, port)
                counts.append(stats[key]["processed"] if key else stats["TotalSent"])
            self.assertEqual(len(counts), 3 if service == "processor" else 2)
            self.assertGreater(min(counts), 60, (service, counts))
        status, joined = stack.get("/api/v1/status")
        self.assertEqual(status, 200)
        self.assertEqual(joined["processor"]["stats"]["pool"]["processed"], 601)

    def test_2_limits_and_rights(self):
        for service in SERVICES:
            for container in stack.containers(service):
                about = inspect(container)
                host = about["HostConfig"]
                with self.subTest(container=about["Name"]):
                    self.assertEqual(about["Config"]["User"], USER)
                    self.assertTrue(host["ReadonlyRootfs"])
                    self.assertEqual(host["CapDrop"], ["ALL"])
                    self.assertEqual(host["SecurityOpt"], ["no-new-privileges:true"])
                    self.assertGreater(host["Memory"], 0)
                    self.assertGreater(host["NanoCpus"], 0)
                    self.assertGreater(host["PidsLimit"], 0)
                    self.assertEqual(host["RestartPolicy"]["Name"], "unless-stopped")
                    self.assertEqual(host["LogConfig"]["Config"], {"max-size": "10m", "max-file": "3"})
                    self.assertEqual(about["State"]["Health"]["Status"], "healthy")
                    status = pathlib.Path(f"/proc/{about['State']['Pid']}/status").read_text(
                        encoding="ascii")
                    self.assertRegex(status, r"Uid:\s+10001\s+10001")
                    self.assertRegex(status, r"CapEff:\s+0+\n")
                    self.assertRegex(status, r"NoNewPrivs:\s+1")
                    refused = run("docker", "cp", __file__, f"{container}:/x")
                    self.assertIn("read-only", refused.stderr)

    def test_3_only_the_edge_is_published(self):
        published = []
        for container in stack.all_containers():
            for port, where in inspect(container)["NetworkSettings"]["Ports"].items():
                published += [(port, one["HostIp"]) for one in where or []]
        self.assertEqual(sorted(published), [("50052/tcp", "127.0.0.1"), ("8080/tcp", "127.0.0.1")])
        self.assertTrue(inspect(f"{stack.project}_inner")["Internal"])

    def test_4_who_crashes_is_started_again(self):
        victim = stack.containers("processor")[0]
        kill_from_outside(victim)
        until("it was started again", lambda: inspect(victim)["RestartCount"] == 1)
        until("it is healthy", lambda: inspect(victim)["State"]["Health"]["Status"] == "healthy")
        expect_worked_off(post(30))

    def test_5_deploy_refuses_nobody(self):
        before = {service: set(stack.containers(service)) for service in SERVICES}
        with StrictLoad(stack.ports["API_PORT"], clients=6) as load, \
                Calls(stack.ports["GRPC_PORT"], clients=2) as calls:
            said = stack.succeed("deploy.sh", BUILD=0)  # from a shell that knows no setting
        print(said, f"meanwhile accepted: {len(load.accepted)}, over gRPC {len(calls.accepted)}",
              flush=True)
        load.expect_no_error()
        self.assertEqual(calls.wrong, [])
        self.assertGreater(len(load.accepted), 1000)
        self.assertGreater(len(calls.accepted), 1000)
        for service in SERVICES:
            now = set(stack.containers(service))
            self.assertEqual(len(now), len(before[service]), service)
            self.assertFalse(now & before[service], service)
        self.assertEqual(stack.environment_of("processor").get("QUEUE_SIZE"), "5000")
        expect_worked_off([*load.accepted, *calls.accepted])

    def test_6_health_check_tells_who_is_unwell(self):
        well = stack.script("health_check.sh")
        self.assertEqual(well.returncode, 0, well.stdout + well.stderr)
        for container in stack.containers("processor"):
            docker("pause", container)
        try:
            until("ingest is unwell", lambda: all(
                inspect(one)["State"]["Health"]["Status"] == "unhealthy"
                for one in stack.containers("ingest")))
            unwell = stack.script("health_check.sh")
            self.assertNotEqual(unwell.returncode, 0, unwell.stdout)
            self.assertRegex(unwell.stdout, r"ingest.*unhealthy")
        finally:
            for container in stack.compose("ps", "--quiet", "--all", "processor").stdout.split():
                run("docker", "unpause", container)
        until("all are well again", lambda: stack.script("health_check.sh").returncode == 0)

    def test_7_an_edge_that_was_restarted(self):
        """Who shared its address is still where it was: seen from outside, and mended."""
        edge = stack.containers("edge")[0]
        kill_from_outside(edge)
        until("it was started again", lambda: inspect(edge)["RestartCount"] == 1)
        seen = stack.script("health_check.sh")
        self.assertNotEqual(seen.returncode, 0, seen.stdout)
        self.assertRegex(seen.stdout, r"edge +no-answer.*make docker-up")
        stack.up("processor=3", "ingest=2", QUEUE_SIZE=5000)
        expect_worked_off(post(20))
        self.assertEqual(stack.script("health_check.sh").returncode, 0)


class Nats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(stack.up(QUEUE_TYPE="nats"), flush=True)

    @classmethod
    def tearDownClass(cls):
        assert stack.down().returncode == 0

    def test_1_a_crash_under_load_loses_nothing(self):
        victim = stack.containers("processor")[0]
        with StrictLoad(stack.ports["API_PORT"], clients=4) as load:
            until("messages are accepted", lambda: len(load.accepted) > 500)
            kill_from_outside(victim)
            until("it was started again", lambda: inspect(victim)["RestartCount"] == 1)
            until("more are accepted", lambda n=len(load.accepted): len(load.accepted) > n + 500)
        load.expect_no_error()  # a broker stands between
        expect_worked_off([*load.accepted, post_over_grpc()], timeout_s=90)

    def test_2_backup_and_restore(self):
        docker("stop", *stack.containers("processor"))
        waiting = post(50, prefix="waits ")
        archive = stack.folder / "backup.tar"
        said = stack.succeed("backup.sh", archive, QUEUE_TYPE="nats")
        self.assertIn("nats-data", said)
        self.assertEqual(archive.stat().st_mode & 0o77, 0, "others may read it")
        self.assertEqual(stack.down().returncode, 0)
        self.assertEqual(docker("volume", "ls", "--quiet", "--filter", f"name={stack.project}"), "")
        stack.succeed("restore.sh", archive, QUEUE_TYPE="nats")
        again = stack.script("restore.sh", archive, QUEUE_TYPE="nats")
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("OVERWRITE=1", again.stderr)
        stack.up(QUEUE_TYPE="nats")
        expect_worked_off(waiting)

    def test_3_deploy_refuses_nobody(self):
        with StrictLoad(stack.ports["API_PORT"], clients=4) as load:
            stack.succeed("deploy.sh", BUILD=0)
        load.expect_no_error()
        for service in ("ingest", "processor", "grpc-server"):
            self.assertEqual(stack.environment_of(service)["QUEUE_TYPE"], "nats")
        expect_worked_off(load.accepted)

    def test_4_a_deploy_does_not_change_the_queue(self):
        before = stack.containers()
        done = stack.script("deploy.sh", BUILD=0, QUEUE_TYPE="kafka")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"\Adeploy: what runs has its queue in nats, the settings say kafka")
        self.assertEqual(stack.containers(), before)


class Kafka(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(stack.up(QUEUE_TYPE="kafka"), flush=True)

    @classmethod
    def tearDownClass(cls):
        assert stack.down().returncode == 0

    def test_ingest(self):
        expect_worked_off([*post(200), post_over_grpc()])

    def test_k6_finds_its_way(self):
        before = stack.containers()
        done = stack.compose("run", "--rm", "--no-deps", "--no-TTY", "load")
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertEqual(stack.containers(), before)


class Full(unittest.TestCase):
    """Both brokers and the monitoring."""

    @classmethod
    def setUpClass(cls):
        print(stack.up("processor=2", QUEUE_TYPE="composite", PROFILES="monitoring",
                       COMPOSITE_STRATEGY="best-effort"), flush=True)

    @classmethod
    def tearDownClass(cls):
        assert stack.down().returncode == 0

    def test_1_metrics_arrive(self):
        until("everyone is scraped", lambda: len(stack.query('up{service=~".+"} == 1')) >= 5)
        by_service = {}
        for labels, _ in stack.query("up == 1"):
            by_service[labels.get("service")] = by_service.get(labels.get("service"), 0) + 1
        for service, instances in (("api-gateway", 1), ("ingest", 1), ("processor", 2),
                                   ("grpc-server", 1)):
            self.assertEqual(by_service.get(service), instances, by_service)
        ids = [*post(300), post_over_grpc()]
        expect_worked_off(ids, timeout_s=60)
        until("the counters are there", lambda: any(
            value >= 301 for _, value in stack.query("sum(millrace_pool_processed_total)")))

    def test_2_an_alert_fires(self):
        nats = stack.containers("nats")[0]
        docker("stop", nats)
        try:
            until("the broker's alert fires", lambda: stack.query(
                'ALERTS{alertname="BrokerUnreachable",alertstate="firing"}'), 180)
            post(10)  # best-effort: the other one has them
        finally:
            docker("start", nats)
        until("it is over", lambda: not stack.query(
            'ALERTS{alertname="BrokerUnreachable",alertstate="firing"}'), 120)

    def test_3_it_is_published_here_only(self):
        self.assertEqual(stack.get("/api/health", "GRAFANA_PORT")[0], 200)
        for service, port in (("grafana", "3000/tcp"), ("prometheus", "9090/tcp")):
            published = inspect(stack.containers(service)[0])["NetworkSettings"]["Ports"][port]
            self.assertEqual([one["HostIp"] for one in published], ["127.0.0.1"])

    def test_4_monitoring_goes_and_comes(self):
        stack.succeed("monitoring.sh", "down")
        self.assertEqual(stack.containers("prometheus"), [])
        stack.succeed("monitoring.sh", "up")
        until("it has what it had", lambda: stack.query("millrace_build_info"))

    def test_5_figures_at_a_glance(self):
        said = stack.succeed("metrics.sh")
        self.assertIn("millrace_pool_processed_total", said)


class BadInput(unittest.TestCase):
    """One clear line each, and nothing half-started left behind."""

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
