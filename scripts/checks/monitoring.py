#!/usr/bin/python3
"""The files of monitoring/: what promtool and amtool say of them and of their tests; each alert says
what it must, has its section in the runbook and both of its tests; routes lead where they should; the
dashboards are what their boards give, in a form that Grafana takes, and their queries parse.

Debian's own Python has Debian's YAML."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import tree  # noqa: E402  (no bytecode comes first)

sys.path.insert(0, str(tree.ROOT / "monitoring"))

try:
    import yaml
    import queries
except ModuleNotFoundError as error:
    sys.exit(f"monitoring: {error}; run scripts/install-deps.sh check")

FOLDER = tree.ROOT / "monitoring"
CONFIG = FOLDER / "prometheus" / "prometheus.yml"
ALERTMANAGER = FOLDER / "alertmanager" / "alertmanager.yml"
RUNBOOK = "monitoring/README.md"
SEVERITIES = ("critical", "warning")
ANNOTATIONS = ("summary", "description", "runbook_url")
ROUTES = [("critical", {"alertname": "ServiceDown", "severity": "critical", "service": "ingest"}),
          ("warning", {"alertname": "QueueNearlyFull", "severity": "warning"}),
          ("warning", {"alertname": "Unlabelled"})]
PANELS = ("timeseries", "stat", "gauge", "table")
SCHEMA_VERSION = 39
COLUMNS = 24


def tool(*command):
    """What it complains of; nothing when it ends with 0."""
    if shutil.which(command[0]) is None:
        return [f"{command[0]} is missing: run scripts/install-deps.sh check"]
    run = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    said = (run.stdout + run.stderr).strip() or f"exit code {run.returncode}"
    return [f"{' '.join(pathlib.Path(word).name for word in command[:3])}: {said}"]


def check_with_tools(tests):
    """Prometheus's and Alertmanager's own opinion, and that of the tests."""
    findings = tool("promtool", "check", "config", str(CONFIG))
    findings += tool("promtool", "check", "rules", "--lint=all", "--lint-fatal",
                     *map(str, sorted(queries.RULES.glob("*.yml"))))
    findings += tool("promtool", "test", "rules", *map(str, tests))
    findings += tool("amtool", "check-config", str(ALERTMANAGER))
    for receiver, labels in ROUTES:
        findings += tool("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
                         f"--verify.receivers={receiver}",
                         *[f"{name}={value}" for name, value in labels.items()])
    return findings


def anchors(markdown):
    """Of its headings, as GitHub and GitLab make them."""
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)}


def check_alert(rule, known_anchors):
    name, labels = rule["alert"], rule.get("labels", {})
    annotations = rule.get("annotations", {})
    findings = [f"{name}: no annotation {one}" for one in ANNOTATIONS if not annotations.get(one)]
    if labels.get("severity") not in SEVERITIES:
        findings.append(f"{name}: its severity isn't one of {', '.join(SEVERITIES)}")
    file, _, anchor = annotations.get("runbook_url", "").partition("#")
    if file != RUNBOOK or anchor != name.lower() or anchor not in known_anchors:
        findings.append(f"{name}: runbook_url isn't {RUNBOOK}#{name.lower()}, or {RUNBOOK} has no "
                        "section of that name")
    return findings


def check_alert_tests(alerts, files):
    """Each alert fires in one test and is quiet in another that has series, too."""
    fires, quiet, findings = set(), set(), []
    for content in files:
        for test in content["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case.get("exp_alerts") else quiet).add(case["alertname"])
                if not test.get("input_series"):
                    findings.append(f"the test '{test.get('name')}' has no series")
    for word, tested in (("that fires it", fires), ("in which it is quiet", quiet)):
        findings += [f"{name}: no promtool test {word}" for name in sorted(alerts - tested)]
        findings += [f"a test names {name}, which is no alert" for name in sorted(tested - alerts)]
    return findings


def check_panel(where, panel):
    findings = []
    if panel["type"] not in PANELS:
        findings.append(f"{where}: type '{panel['type']}', not one of {', '.join(PANELS)}")
    defaults = panel["fieldConfig"]["defaults"]
    for what, there in (("description", panel.get("description")), ("unit", defaults.get("unit")),
                        ("thresholds", defaults.get("thresholds", {}).get("steps")),
                        ("query", panel.get("targets"))):
        if not there:
            findings.append(f"{where}: no {what}")
    for one in [panel, *panel.get("targets", [])]:
        if one.get("datasource", {}).get("uid") != "prometheus":
            findings.append(f"{where}: its datasource isn't the one with the uid 'prometheus'")
    return findings


def overlapping(panels):
    """The titles of panels that lie on another or beyond the edge."""
    taken, found = {}, []
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        if place["x"] + place["w"] > COLUMNS or any(cell in taken for cell in cells):
            found.append(panel["title"])
        taken |= dict.fromkeys(cells)
    return found


def check_boards(boards):
    """{file name: dashboard}"""
    findings, uids = [], {}
    for name, board in boards.items():
        uid = board.get("uid")
        if not uid or uid in uids:
            findings.append(f"{name}: its uid is missing, or that of {uids.get(uid)}")
        uids[uid] = name
        if board.get("schemaVersion") != SCHEMA_VERSION:
            findings.append(f"{name}: its schemaVersion isn't {SCHEMA_VERSION}, Grafana 11's")
        numbers = [panel["id"] for panel in board["panels"]]
        if len(set(numbers)) != len(numbers):
            findings.append(f"{name}: a panel's id is there twice")
        findings += [f"{name}: '{title}' lies on another panel or over the edge"
                     for title in overlapping(board["panels"])]
        for panel in board["panels"]:
            if panel["type"] != "row":
                findings += check_panel(f"{name}: {panel['title']}", panel)
    return findings


def check_expressions(asked):
    """Each parses: as rules in groups that are named after where they stand."""
    groups = [{"name": f"{number}: {one.where}", "rules": [{"record": "a", "expr": one.expr}]}
              for number, one in enumerate(asked)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", prefix="millrace-panels-") as file:
        yaml.safe_dump({"groups": groups}, file)
        file.flush()
        return tool("promtool", "check", "rules", "--lint=none", file.name)


def check_provisioning():
    """Grafana finds the datasource that the panels name, and one folder of dashboards."""
    def read(name):
        return yaml.safe_load((FOLDER / "grafana" / "provisioning" / name).read_text("utf-8"))

    uids = [one["uid"] for one in read("datasources/prometheus.yml")["datasources"]]
    providers = read("dashboards/millrace.yml")["providers"]
    findings = [] if uids == ["prometheus"] else [f"the datasources are {uids}"]
    if [one["options"]["path"] for one in providers] != ["/var/lib/grafana/dashboards"]:
        findings.append("the dashboards aren't looked for in /var/lib/grafana/dashboards")
    return findings


def self_test():
    """What must be found, and what must not."""
    good = {"alert": "A", "labels": {"severity": "warning"},
            "annotations": {"summary": "s", "description": "d", "runbook_url": f"{RUNBOOK}#a"}}
    series = [{"series": "x", "values": "1"}]

    def tests(*expected):
        return [{"tests": [{"input_series": series,
                            "alert_rule_test": [{"alertname": "A", "exp_alerts": one}]}
                           for one in expected]}]

    panel = {"id": 1, "type": "stat", "title": "t", "description": "d",
             "datasource": {"uid": "prometheus"}, "gridPos": {"x": 0, "y": 0, "w": 4, "h": 4},
             "fieldConfig": {"defaults": {"unit": "s", "thresholds": {"steps": [{}]}}},
             "targets": [{"datasource": {"uid": "prometheus"}}]}
    board = {"uid": "u", "schemaVersion": SCHEMA_VERSION, "panels": [panel]}
    beside = panel | {"id": 2, "gridPos": {"x": 4, "y": 0, "w": 4, "h": 4}}
    expectations = [
        (check_alert(good, {"a"}), False), (check_alert(good, {"b"}), True),
        (check_alert(good | {"labels": {}}, {"a"}), True),
        (check_alert(good | {"annotations": {}}, {"a"}), True),
        (check_alert_tests({"A"}, tests([{}], [])), False),
        (check_alert_tests({"A"}, tests([{}])), True), (check_alert_tests({"A"}, tests([])), True),
        (check_alert_tests(set(), tests([{}], [])), True),
        (check_boards({"a": board}), False),
        (check_boards({"a": board, "b": board}), True),
        (check_boards({"a": board | {"panels": [panel, beside]}}), False),
        (check_boards({"a": board | {"panels": [panel, beside | {"id": 1}]}}), True),
        (check_boards({"a": board | {"panels": [panel, panel | {"id": 2}]}}), True),
        (check_panel("p", panel | {"type": "graph"}), True),
        (check_panel("p", panel | {"description": ""}), True),
        (check_panel("p", panel | {"fieldConfig": {"defaults": {}}}), True),
        (check_expressions([queries.Asked("a", "sum(x)")]), False),
        (check_expressions([queries.Asked("a", "sum(x))")]), True),
        (queries.selectors('sum by (a) (rate(x_total{b="y{",d=~"e"}[1m])) or vector(0) * m:x:p9') !=
         [("x_total", {"b", "d"}), ("m:x:p9", set())], False),
        (queries.grouping_labels('sum by (a, b) (x) / on (c) group_left () y{d="by (e)"}') ^
         {"a", "b", "c"}, False),
        (anchors("# A\n### Who is told?\n") ^ {"a", "who-is-told"}, False),
    ]
    return [f"self-test: expectation {number} fails: {found}"
            for number, (found, expected) in enumerate(expectations) if bool(found) != expected]


def main():
    findings = self_test()
    tests = sorted((FOLDER / "prometheus" / "tests").glob("*.yml"))
    findings += check_with_tools(tests)
    alerts = [rule for _, rule in queries.rules() if "alert" in rule]
    known_anchors = anchors(tree.read(RUNBOOK).decode())
    for rule in alerts:
        findings += check_alert(rule, known_anchors)
    findings += check_alert_tests({rule["alert"] for rule in alerts},
                                  [yaml.safe_load(path.read_text("utf-8")) for path in tests])
    boards, panels = queries.boards(), queries.asked_by_panels()
    findings += check_boards(boards) + check_expressions(panels) + check_provisioning()
    findings += tool(str(FOLDER / "grafana" / "dashboards.py"), "--check")
    if findings:
        print("\n".join(findings), file=sys.stderr)
        print(f"monitoring: {len(findings)} findings", file=sys.stderr)
        return 1
    print(f"monitoring: {len(alerts)} alerts with their tests and runbook, {len(boards)} dashboards "
          f"with {len(panels)} queries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
