"""Check what has changed and run the tests of its area: `make test-quick`.

An area is a name: of a feature's package (`jobs`), of a module (`dispatcher`) or of a folder of
tests. Without names, the areas are those of the files that differ from the main branch. Tests are
found by their names alone, so this is a quick look before `make test`, which runs them all.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).parent.parent
QUICK_FOLDERS = ("tests/unit", "tests/contract")

LAYERS = frozenset({"app", "worker", "client", "tests", "unit", "contract"})
"""Folders that name no area."""

ROLES = frozenset(
    {"router", "service", "repository", "schemas", "errors", "config", "run", "conftest"}
)
"""Modules that every feature has: their tests bear the feature's name."""

MIN_PREFIX = 5
"""Letters that make a word the beginning of another: `predict` and `predictions`, not `data`."""


def select_tests(changed: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The test files to run for changed files or areas, in their given order.

    A changed test stands for itself, a document for the tests of documents. Any other file stands
    for the tests of its own name; where there are none, for those of the nearest package.
    """
    known = list(tests)
    chosen: set[str] = set()
    for path in changed:
        if path.endswith(".md"):
            chosen |= {test for test in known if test.endswith("contract/test_docs.py")}
            continue
        chosen |= {path} & set(known) or set(_find_by_name(PurePosixPath(path), known))
    return [test for test in known if test in chosen]


def _find_by_name(path: PurePosixPath, tests: Sequence[str]) -> list[str]:
    for name in (path.stem, *reversed(path.parts[:-1])):
        if name in LAYERS | ROLES or name.startswith("__"):
            continue
        if found := [test for test in tests if _is_named_after(PurePosixPath(test), name)]:
            return found
    return []


def _is_named_after(test: PurePosixPath, name: str) -> bool:
    words = {test.stem.removeprefix("test_"), *test.stem.split("_"), *test.parts[:-1]}
    return any(_are_alike(word, name) for word in words - LAYERS)


def _are_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one.removesuffix("s"), other.removesuffix("s")), key=len)
    return shorter == longer or (len(shorter) >= MIN_PREFIX and longer.startswith(shorter))


def list_tests() -> list[str]:
    """Every test file of the folders whose tests are quick."""
    found = (path for folder in QUICK_FOLDERS for path in (REPOSITORY / folder).rglob("test_*.py"))
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in found)


def list_changed(base: str) -> list[str]:
    """Files that differ from where this branch left the base, committed or not."""
    begin = _git("merge-base", "HEAD", base)[0]
    changed = _git("diff", "--name-only", "--diff-filter=d", begin)
    return sorted({*changed, *_git("ls-files", "--others", "--exclude-standard")})


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.splitlines()


def main() -> int:
    """Run the checks and the tests; returns the first exit status that is not 0."""
    parser = argparse.ArgumentParser(prog="select_tests", description=__doc__)
    parser.add_argument("areas", nargs="*", help="names of areas; the changed files without")
    parser.add_argument("--base", default="main", help="the branch that changes are counted from")
    parser.add_argument("--processes", default="2", help="processes that run the tests")
    options = parser.parse_args()
    changed = list_changed(options.base)
    sources = [path for path in changed if path.endswith(".py")]
    commands = []
    if sources:
        commands += [["ruff", "format", "--check", *sources], ["ruff", "check", *sources]]
        commands += [["mypy", *sources]]
    tests = select_tests(options.areas or changed, list_tests())
    if tests:
        commands += [
            ["pytest", "-q", "--numprocesses", options.processes, "--dist", "loadgroup", *tests]
        ]
    else:
        sys.stderr.write("No unit or contract test bears the name of what has changed.\n")
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    for program, *arguments in commands:
        sys.stderr.write(" ".join([program, *arguments]) + "\n")
        done = subprocess.run(
            [Path(sys.executable).parent / program, *arguments],
            cwd=REPOSITORY,
            env=environment,
            check=False,
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
