#!/usr/bin/env python3
"""Whether all that a gateway accepted during a load test was also worked off.

  worked_off.py URL                       prints the counts so far: ACCEPTED PROCESSED
  worked_off.py URL ACCEPTED PROCESSED    waits until as many were processed since then as accepted

Exit code 1 when they differ after 30 s, or none were accepted; other clients of the same services
must be quiet meanwhile. The counts are those of /api/v1/status."""

import json
import sys
import time
import urllib.request

PATIENCE_S = 30


def counts_of(status):
    """(accepted, processed) of what /api/v1/status says."""
    try:
        return (status["ingest"]["stats"]["TotalSent"],
                status["processor"]["stats"]["pool"]["processed"])
    except KeyError:
        raise SystemExit(f"the status has no counts, a service is down: {status}") from None


def counts(url):
    try:
        with urllib.request.urlopen(f"{url}/api/v1/status", timeout=5) as answer:
            return counts_of(json.load(answer))
    except (OSError, ValueError) as error:
        raise SystemExit(f"no status at {url}/api/v1/status: {error}") from None


def verdict(before, now):
    """(settled, what to say) of two pairs of counts."""
    accepted, processed = (after - earlier for after, earlier in zip(now, before))
    text = f"accepted {accepted}, processed {processed}"
    if accepted < 0 or processed < 0:
        return False, f"{text}: a service was started anew meanwhile"
    if accepted == 0:
        return False, f"{text}: nothing was accepted"
    return accepted == processed, text


def wait(url, before, ask=counts, now=time.monotonic, pause=time.sleep):
    deadline = now() + PATIENCE_S
    while True:
        settled, text = verdict(before, ask(url))
        if settled or now() > deadline:
            return settled, text
        pause(0.05)


def main(arguments):
    if len(arguments) == 1:
        print(*counts(arguments[0]))
        return 0
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    settled, text = wait(arguments[0], (int(arguments[1]), int(arguments[2])))
    print(text, file=sys.stdout if settled else sys.stderr)
    return 0 if settled else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
