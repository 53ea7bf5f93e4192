"""What bench_e2e and sweeps have in common: what is built, what is kept, and how they end."""

import signal
import subprocess
import sys

import servers
import systems

# Fewer show no spread worth keeping, and such a look must not take the place of a whole measurement.
RUNS_MIN = 5


def progress(text):
    print(text, file=sys.stderr, flush=True)


def in_turn(contestants, run):
    return contestants if run % 2 == 0 else contestants[::-1]


def build(targets):
    """Brings the tree's release build up to date, so that a record's commit and compiler are those of
    what ran. What MILLRACE_BENCH names is taken as it is."""
    if systems.BINARIES == systems.BUILT:
        done = subprocess.run([systems.ROOT / "scripts" / "build.sh", "release", *targets],
                              stdout=sys.stderr, check=False)
        if done.returncode:
            raise RuntimeError("the executables can't be built, see above; 'make build' is the first step")


def keep(record, runs):
    if runs < RUNS_MIN:
        progress(f"not recorded: {runs} runs, and a record needs {RUNS_MIN}")
    elif systems.BINARIES != systems.BUILT:
        progress("not recorded: MILLRACE_BENCH names executables that may be of another commit or build")
    else:
        print(f"written: {record.write().relative_to(systems.ROOT)}", flush=True)


def _leave(number, _frame):
    sys.exit(128 + number)


def run(name, work):
    """work(), with its failures said in a line, and servers stopped when it is told to end."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        work()
    except (AssertionError, OSError, RuntimeError, ValueError, servers.CantStart) as error:
        raise SystemExit(f"{name}: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
