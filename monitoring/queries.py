"""What the monitoring asks for: each expression of the rules and of the dashboards, and the metrics
and labels in it. For scripts/checks/monitoring.py and tests/integration/test_monitoring.py."""

import dataclasses
import json
import pathlib
import re

import yaml

FOLDER = pathlib.Path(__file__).resolve().parent
RULES = FOLDER / "prometheus" / "rules"
DASHBOARDS = FOLDER / "grafana" / "dashboards"

# What Grafana puts in: every instance, and an interval of at least four scrapes.
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(?![\w:]|\s*\()")
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right",
         "offset", "bool", "inf", "nan"}


@dataclasses.dataclass
class Asked:
    """An expression and where it stands."""

    where: str
    expr: str
    panel: dict = None  # of a dashboard
    target: dict = None
    rule: dict = None  # of a rule file


def rules():
    """Each rule, as (file name, rule)."""
    return [(path.name, rule) for path in sorted(RULES.glob("*.yml"))
            for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
            for rule in group["rules"]]


def boards():
    """{file name: dashboard}"""
    return {path.name: json.loads(path.read_text("utf-8"))
            for path in sorted(DASHBOARDS.glob("*.json"))}


def asked_by_rules():
    return [Asked(f"{name}: {rule.get('alert') or rule['record']}", rule["expr"], rule=rule)
            for name, rule in rules()]


def asked_by_panels():
    found = []
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expr = target["expr"]
                for variable, value in VARIABLES.items():
                    expr = expr.replace(variable, value)
                where = f"{name}: {panel['title']}: {target['refId']}"
                found.append(Asked(where, expr, panel=panel, target=target))
    return found


def selectors(expr):
    """[(metric, {labels of its matchers})] of an expression."""
    bare = GROUPING.sub(" ", STRING.sub('""', expr))
    bare = re.sub(r"\[[^]]*\]", " ", bare)
    return [(match[1], set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", match[2] or "")))
            for match in SELECTOR.finditer(bare) if match[1].lower() not in WORDS]


def grouping_labels(expr):
    """The labels an expression groups or matches by."""
    return {label.strip() for match in GROUPING.finditer(STRING.sub('""', expr))
            for label in match[1].split(",") if label.strip()}
