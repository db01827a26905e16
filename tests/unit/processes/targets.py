"""Functions that forked processes run in the tests of this folder."""

import json
import os
import signal
import sys

preloads: list[int] = []


def preload() -> None:
    """Record the process that has preloaded this module."""
    preloads.append(os.getpid())


def succeed() -> None:
    pass


def fail() -> None:
    raise ValueError("it was meant to fail")


def exit_with_7() -> None:
    raise SystemExit(7)


def exit_with_message() -> None:
    raise SystemExit("it was meant to exit")


def exit_with_nothing() -> None:
    raise SystemExit


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def report() -> None:
    """Print what this process was forked with."""
    reported = {
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "server": os.getppid(),
        "preloads": preloads,
        "modules": sorted(sys.modules),
        "environment": dict(os.environ),
    }
    json.dump(reported, sys.stdout)


def copy_input() -> None:
    sys.stdout.write(sys.stdin.read())


def write_to(*descriptors: int) -> None:
    """Write the position of each descriptor to it."""
    for position, descriptor in enumerate(descriptors):
        os.write(descriptor, str(position).encode())


def run_until_input_ends(*_: int) -> None:
    os.write(1, b"running\n")
    sys.stdin.read()


def report_start(started: int) -> None:
    """Read the configuration, report the start, and run until standard input is closed."""
    os.write(started, sys.stdin.readline()[0].encode())
    sys.stdin.read()


def end_without_report(_started: int) -> None:
    sys.stdin.readline()
