"""Records for the tests: invented figures, kept in memory or in a temporary folder only."""

import json


def row(contestant, runs, subject="a", measure="rate", unit="messages/s", better="higher", **conditions):
    made = {"subject": subject, "contestant": contestant, "measure": measure, "unit": unit,
            "better": better, "runs": runs}
    return made | {"conditions": conditions} if conditions else made


def record(rows, **fields):
    made = {"schema": 1, "suite": "pipeline", "commit": "abc1234", "time": "2026-01-02T03:04:05Z",
            "machine": {"cpu": "A CPU", "cores": 2, "memory_mb": 1024, "kernel": "6.1", "virtual": True},
            "compiler": "g++ 12", "variant": "release", "layout": "shared", "command": "make bench",
            "method": "in turn", "rows": rows, "file": "one.json"}
    return made | fields


def write(folder, name, fields):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({key: value for key, value in fields.items() if key != "file"}))
    return path
