#!/usr/bin/env python3
"""Makes dashboards/*.json, a file for each board of boards/.

  monitoring/grafana/dashboards.py             writes them
  monitoring/grafana/dashboards.py --check     1 when what is there isn't what the boards give"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True

from boards import gateway, grpc_server, ingest, overview, processor, queue  # noqa: E402
import panels  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
BOARDS = {"overview": overview, "api-gateway": gateway, "ingest": ingest, "processor": processor,
          "grpc-server": grpc_server, "queue": queue}


def render():
    """{file name: text}"""
    return {f"{name}.json": json.dumps(panels.board_json(module.BOARD), indent=1) + "\n"
            for name, module in BOARDS.items()}


def differences(made):
    found = [f"{path.name}: no board gives it" for path in FOLDER.glob("*.json")
             if path.name not in made]
    for name, text in made.items():
        path = FOLDER / name
        if not path.exists() or path.read_text("utf-8") != text:
            found.append(f"{name}: isn't what its board gives")
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description="Makes the Grafana dashboards.")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    made = render()
    if parser.parse_args().check:
        found = differences(made)
        if found:
            print("\n".join(found), file=sys.stderr)
            print("dashboards: run monitoring/grafana/dashboards.py", file=sys.stderr)
            return 1
        print(f"dashboards: {len(made)} are what their boards give")
        return 0
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"dashboards: {len(made)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
