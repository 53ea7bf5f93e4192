"""What the tests do to a stack from outside: clients, and a crash."""

import json
import pathlib
import subprocess

from stack import inspect, run, stack, until

from harness import good_body
import wire

TOOLS = pathlib.Path.home() / ".cache" / "millrace" / "tools"


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
