"""Another commit, checked out beside the working tree and built there: build/compare/COMMIT/tree goes
away at the end, build/compare/COMMIT/build stays, so that the next comparison with it starts sooner."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CantCompare(Exception):
    """Says in one line why there is no comparison."""


def git(*arguments, check=True):
    done = subprocess.run(["git", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if check and done.returncode:
        said = " ".join(done.stderr.split())
        raise CantCompare(f"git {arguments[0]} failed: {said}")
    return done.stdout.strip()


def resolve(name):
    """The whole hash of what the user called `name`."""
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
                check=False)
    if not found:
        raise CantCompare(f"there is no commit '{name}' in this repository: give BASE a hash, a tag or "
                          "a branch ('git log --oneline' lists commits)")
    return found


def build(command, log, what):
    """Runs it with its output in the file `log`, which an error names."""
    with log.open("ab") as out:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, stdout=out,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise CantCompare(f"{what} doesn't build; why is in {log.relative_to(ROOT)}")


class BaseTree:
    """`commit` in a worktree while inside `with`."""

    def __init__(self, commit):
        self.short = commit[:10]
        self.commit = commit
        self.folder = ROOT / "build" / "compare" / self.short
        self.tree = self.folder / "tree"
        self.log = self.folder / "build.log"
        self.binaries = self.folder / "build" / "bin"

    def __enter__(self):
        self._take_away_what_a_crash_left()
        self.folder.mkdir(parents=True, exist_ok=True)
        git("worktree", "prune")
        git("worktree", "add", "--quiet", "--detach", self.tree, self.commit)
        return self

    def _take_away_what_a_crash_left(self):
        if not self.tree.exists():
            return
        if git("-C", self.tree, "status", "--porcelain"):
            raise CantCompare(f"{self.tree.relative_to(ROOT)} has changes that aren't committed, so it "
                              "isn't touched: save them, remove it, and run this again")
        git("worktree", "remove", "--force", self.tree)

    def __exit__(self, *_):
        git("worktree", "remove", "--force", self.tree, check=False)

    def build(self, targets):
        self.log.unlink(missing_ok=True)
        where = self.folder / "build"
        build(["cmake", "-S", self.tree, "-B", where, "--preset", "release"], self.log,
              f"base {self.short}")
        build(["cmake", "--build", where, "--target", *targets], self.log,
              f"base {self.short} ({', '.join(targets)})")


def build_now(targets):
    """The working tree as it is; the folder of its executables."""
    log = ROOT / "build" / "compare" / "now.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    build([ROOT / "scripts" / "build.sh", "release", *targets], log,
          f"the working tree ({', '.join(targets)})")
    return ROOT / "build" / "release" / "bin"
