#!/usr/bin/env python3
"""What can be said of the containers without an engine: docker-compose.yml is one that Compose takes
with every profile and has what a hardened service has, the Dockerfile keeps a few rules, and the
build's context stays small."""

import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys

import tree

SERVICES = ("api-gateway", "ingest", "processor", "grpc-server")
PROFILES = ((), ("nats",), ("kafka",), ("composite",), ("monitoring",), ("load",), ("*",))
# Of other people, and not made for a root file system that can't be written to.
MAY_WRITE = {"kafka", "grafana"}
PUBLISHED = {"edge": {8080, 50052}, "prometheus": {9090}, "grafana": {3000}}
CONTEXT_BYTES_MAX = 2_000_000

problems = []


def expect(holds, what):
    if not holds:
        problems.append(what)


def compose():
    """The Compose command: the plugin that install-tools.sh builds, or Docker's own."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    tool = cache / "millrace" / "tools" / "docker-compose"
    return [str(tool)] if tool.exists() else ["docker", "compose"]


def load(profiles, **settings):
    """The whole configuration with these profiles, as Compose understands it."""
    flags = [word for profile in profiles for word in ("--profile", profile)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **settings}
    try:
        done = subprocess.run(
            [*compose(), "--env-file", "/dev/null", *flags, "config", "--format", "json"],
            cwd=tree.ROOT, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("containers: Compose is missing: scripts/install-tools.sh docker-compose")
    if done.returncode != 0:
        sys.exit(f"containers: docker compose config with the profiles {profiles}:\n{done.stderr}")
    return json.loads(done.stdout)


def check_service(name, service):
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    expect({"cpus", "memory", "pids"} <= limits.keys(), f"{name}: no limit of CPU, memory or pids")
    expect(service.get("cap_drop") == ["ALL"], f"{name}: keeps capabilities")
    expect("no-new-privileges:true" in service.get("security_opt", []), f"{name}: new privileges")
    expect(service.get("read_only") or name in MAY_WRITE, f"{name}: its root can be written to")
    expect(service.get("logging", {}).get("options", {}).get("max-size"), f"{name}: logs grow")
    expect(service.get("restart") == "unless-stopped" or name == "load", f"{name}: no restart")
    expect(not service.get("privileged") and "pid" not in service, f"{name}: privileged")
    image = service["image"]
    expect(re.search(r":[\w.-]*\d", image) or image.startswith("millrace/"), f"{name}: {image} isn't pinned")
    has_health = "healthcheck" in service or name in SERVICES or name in ("edge", "load")
    expect(has_health, f"{name}: no health check")
    published = {port["target"] for port in service.get("ports", [])}
    expect(published == PUBLISHED.get(name, set()), f"{name}: publishes {published}")
    for port in service.get("ports", []):
        expect(port.get("host_ip") == "127.0.0.1", f"{name}: published beyond this machine")


def read_by():
    """Which services read a setting, as the README's table says: name -> services."""
    table = re.findall(r"^\| `([A-Z_]+)` \|.*\| ([^|]+) \|$", tree.read("README.md").decode(), re.MULTILINE)
    readers = {name: SERVICES if who == "all" else tuple(who.split(", ")) for name, who in table
               if who == "all" or set(who.split(", ")) <= set(SERVICES)}
    expect(len(readers) > 50, "README.md: its table of settings isn't found")
    return readers


def check_settings(name, service):
    """Each setting that it reads can be given, and it is told no secret that isn't its own."""
    for setting, readers in read_by().items():
        if name in readers and setting not in service["environment"] and setting != "SHARE_PORT":
            problems.append(f"docker-compose.yml: {name} can't be told {setting}")
    if name == "api-gateway":
        told = [setting for setting in service["environment"] if setting.startswith(("NATS", "KAFKA"))]
        expect(not told, f"docker-compose.yml: the gateway is told {told}")


def check_compose():
    for profiles in PROFILES:
        services = load(profiles)["services"]
        for name in ("edge", *SERVICES):
            expect(name in services, f"{name}: not there with the profiles {profiles}")
        for broker in ("nats", "kafka"):
            wanted = any(profile in (broker, "composite", "*") for profile in profiles)
            expect((broker in services) == wanted, f"{broker}: {profiles}")
    whole = load(("*",))
    for name, service in whole["services"].items():
        check_service(name, service)
    for name in SERVICES:
        check_settings(name, whole["services"][name])
    expect("front" in whole["services"]["alertmanager"]["networks"], "alertmanager: can tell nobody")
    expect(whole["networks"]["inner"].get("internal"), "the network 'inner' leads outside")
    chosen = load(("nats",), QUEUE_TYPE="nats", PUBLISH_ADDRESS="0.0.0.0", API_PORT="18080")
    for name, port in whole["x-published"].items():
        expect(any(port == one["published"] for service in whole["services"].values()
                   for one in service.get("ports", [])), f"x-published: {name}={port} isn't published")
    edge = chosen["services"]["edge"]["ports"][0]
    expect(all(port["host_ip"] == "127.0.0.1" for name in ("prometheus", "grafana")
               for port in load(("monitoring",), PUBLISH_ADDRESS="0.0.0.0")["services"][name]["ports"]),
           "the monitoring is published with the gateway")
    expect((edge["host_ip"], edge["published"]) == ("0.0.0.0", "18080"), f"edge: {edge}")
    expect(chosen["services"]["ingest"]["environment"]["QUEUE_TYPE"] == "nats", "QUEUE_TYPE is lost")
    return len(whole["services"])


def check_dockerfile(name="docker/Dockerfile"):
    text = re.sub(r"\\\n", " ", tree.read(name).decode())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages = {}
    for line in lines:
        if match := re.match(r"FROM (\S+) AS (\S+)", line):
            stages[match[2]] = (match[1], [])
            current = stages[match[2]][1]
        elif stages:
            current.append(line)
    debian = re.search(r"^ARG DEBIAN=(\S+)", text, re.MULTILINE)[1]
    expect(re.fullmatch(r"debian:\d+\.\d+-slim", debian), f"{name}: {debian} isn't pinned")
    expect(stages["base"][0] == "scratch", f"{name}: the images have a base")
    base = "\n".join(stages["base"][1])
    expect(re.search(r"^USER \d+:\d+$", base, re.MULTILINE), f"{name}: no numeric user")
    expect("STOPSIGNAL SIGTERM" in base, f"{name}: no STOPSIGNAL")
    for service in SERVICES:
        if not stages.get(service):
            problems.append(f"{name}: no target {service}")
            continue
        parent, instructions = stages[service]
        said = "\n".join(instructions)
        expect(parent == "base", f"{name}: {service} isn't made from base")
        for word in ("HEALTHCHECK", "EXPOSE", "LABEL", "COPY --from=build"):
            expect(word in said, f"{name}: {service} has no {word}")
        expect(re.search(r'^ENTRYPOINT \["/', said, re.MULTILINE), f"{name}: {service}: not exec form")
        expect("RUN" not in said and "ADD" not in said, f"{name}: {service} runs or adds something")
    for line in lines:
        expect(not line.startswith(("ADD ", "MAINTAINER ")), f"{name}: {line}")
        expect(not re.search(r"(PASSWORD|TOKEN|SECRET)\S*=", line), f"{name}: a secret: {line}")
        expect(not re.search(r"curl[^|]*\|\s*(ba)?sh|apt-get (upgrade|dist-upgrade)", line), f"{name}: {line}")
    for copied in re.findall(r"^COPY ((?!--from).*) \S+$", text, re.MULTILINE):
        for path in copied.split():
            expect((tree.ROOT / path).exists(), f"{name}: there is no {path} to copy")


def context():
    """The files that .dockerignore lets in, in the way it is written: all out, then some in again."""
    rules = [line for line in tree.read(".dockerignore").decode().splitlines()
             if line and not line.startswith("#")]
    expect(rules[0] == "*", ".dockerignore: lets in what nobody named")
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    out = [rule.removeprefix("**/") for rule in rules[1:] if not rule.startswith("!")]
    for path in let_in:
        expect((tree.ROOT / path).exists(), f".dockerignore: there is no {path}")
    return [name for name in tree.files()
            if any(name == path or name.startswith(path + "/") for path in let_in)
            and not any(fnmatch.fnmatch(os.path.basename(name), pattern) for pattern in out)]


def main():
    services = check_compose()
    check_dockerfile()
    size = sum(len(tree.read(name)) for name in context())
    expect(size < CONTEXT_BYTES_MAX, f".dockerignore: the context has {size} bytes")
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    print(f"containers: {services} services in {len(PROFILES)} sets of profiles, context {size // 1000} kB")


if __name__ == "__main__":
    main()
