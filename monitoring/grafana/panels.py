"""The vocabulary of the dashboards: panels as Grafana 11 has them in its JSON, laid out in rows.

Each panel says what it shows (description), in what unit, and from where on a value is bad. Queries
are Query("promql", "legend {{label}}"); $instance and $__rate_interval are Grafana's.
"""

import dataclasses

DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
SCHEMA_VERSION = 39  # of Grafana 11
COLUMNS = 24
HEIGHT = 8

# Units as Grafana names them.
PER_SECOND, REQUESTS, SECONDS, BYTES, RATIO, COUNT = "cps", "reqps", "s", "bytes", "percentunit", "short"


@dataclasses.dataclass
class Query:
    expr: str
    legend: str = ""


@dataclasses.dataclass
class Panel:
    """`warn` and `bad` are where a value begins to be yellow and red. With `low_is_bad` it is red
    below `bad`, or below `warn` when that is all there is, and green from `warn` on."""

    kind: str
    title: str
    description: str
    unit: str
    queries: list
    width: int
    warn: float = None
    bad: float = None
    low_is_bad: bool = False
    most: float = None  # the end of the scale
    stacked: bool = False
    names: dict = None  # value: (word, colour)
    columns: list = None  # of a table: the labels it shows

    def steps(self):
        if self.low_is_bad:
            found = [("red", None), ("yellow", self.bad), ("green", self.warn)]
        else:
            found = [("green", None), ("yellow", self.warn), ("red", self.bad)]
        return [{"color": colour, "value": value} for place, (colour, value) in enumerate(found)
                if place == 0 or value is not None]


def timeseries(title, description, unit, *queries, width=8, **more):
    return Panel("timeseries", title, description, unit, list(queries), width, **more)


def stat(title, description, unit, *queries, width=4, **more):
    return Panel("stat", title, description, unit, list(queries), width, **more)


def gauge(title, description, unit, *queries, width=4, **more):
    return Panel("gauge", title, description, unit, list(queries), width, **more)


def table(title, description, unit, query, columns, width=12, **more):
    return Panel("table", title, description, unit, [query], width, columns=columns, **more)


@dataclasses.dataclass
class Row:
    title: str
    panels: list


@dataclasses.dataclass
class Board:
    """`instances`: PromQL selector of the `up` whose instances can be chosen from."""

    uid: str
    title: str
    description: str
    instances: str
    rows: list


def target(number, query, kind):
    instant = kind in ("gauge", "table")
    return {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "editorMode": "code",
            "expr": query.expr, "legendFormat": query.legend or "__auto",
            "range": not instant, "instant": instant,
            "format": "table" if kind == "table" else "time_series"}


def field_config(panel):
    defaults = {"unit": panel.unit, "color": {"mode": "thresholds"},
                "thresholds": {"mode": "absolute", "steps": panel.steps()}, "mappings": []}
    if panel.kind == "timeseries":
        defaults["color"] = {"mode": "palette-classic"}
        defaults["min"] = 0
        defaults["custom"] = {
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never", "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "off" if panel.bad is None else "dashed"}}
    if panel.kind == "gauge":
        defaults["min"] = 0
    if panel.most is not None:
        defaults["max"] = panel.most
    if panel.names:
        words = {str(value): {"text": word, "color": colour, "index": place}
                 for place, (value, (word, colour)) in enumerate(panel.names.items())}
        defaults["mappings"] = [{"type": "value", "options": words}]
    overrides = []
    if panel.kind == "table":
        overrides = [{"matcher": {"id": "byName", "options": "Value"}, "properties": [
            {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}]}]
    return {"defaults": defaults, "overrides": overrides}


def options(panel):
    if panel.kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                           "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    last = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    if panel.kind == "gauge":
        return last | {"showThresholdLabels": False, "showThresholdMarkers": True}
    return last | {"colorMode": "background", "graphMode": "area", "textMode": "auto",
                   "justifyMode": "auto"}


def only_columns(columns):
    """A table of Prometheus has every label as a column; the others are left out."""
    wanted = "|".join([*columns, "Value"])
    return [{"id": "filterFieldsByName", "options": {"include": {"pattern": f"^({wanted})$"}}}]


def to_json(panel, number, place):
    made = {"id": number, "type": panel.kind, "title": panel.title,
            "description": panel.description, "datasource": DATASOURCE, "gridPos": place,
            "fieldConfig": field_config(panel), "options": options(panel),
            "targets": [target(i, query, panel.kind) for i, query in enumerate(panel.queries)]}
    if panel.columns:
        made["transformations"] = only_columns(panel.columns)
    return made


def lay_out(rows):
    """The panels of the rows as JSON, from left to right and from above to below."""
    made, y = [], 0
    for row in rows:
        made.append({"id": len(made) + 1, "type": "row", "title": row.title, "collapsed": False,
                     "panels": [], "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}})
        y, x = y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + HEIGHT
            place = {"h": HEIGHT, "w": panel.width, "x": x, "y": y}
            made.append(to_json(panel, len(made) + 1, place))
            x += panel.width
        y += HEIGHT
    return made


def instance_variable(selector):
    query = f"label_values(up{{{selector}}}, instance)"
    return {"name": "instance", "label": "Instance", "type": "query", "datasource": DATASOURCE,
            "query": {"qryType": 1, "query": query,
                      "refId": "PrometheusVariableQueryEditor-VariableQuery"},
            "definition": query, "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*", "hide": 0,
            "current": {"text": ["All"], "value": ["$__all"]}, "options": []}


def board_json(board):
    return {"uid": board.uid, "title": board.title, "description": board.description,
            "tags": ["millrace"], "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False,
            "graphTooltip": 1, "timezone": "browser", "refresh": "5s",
            "time": {"from": "now-30m", "to": "now"}, "annotations": {"list": []},
            "links": [{"type": "dashboards", "title": "Millrace", "tags": ["millrace"],
                       "asDropdown": True, "includeVars": False, "keepTime": True,
                       "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
            "templating": {"list": [instance_variable(board.instances)]},
            "panels": lay_out(board.rows)}
