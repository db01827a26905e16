"""Access control in real processes: the first key, two API processes, streams, the commands."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from graft_client import Forbidden, Graft, Unauthenticated
from graft_client.console.exit_codes import ExitCode
from tests.servers import find_free_port, running_graft, wait_until

_KEY = re.compile(r"gk_[0-9a-z]{24}_[0-9a-f]{64}")
REVOCATION_SECONDS = 30


def type_in(*arguments: str, url: str, key: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "graft_client.cli", *arguments],
        env=os.environ | {"GRAFT_URL": url, "GRAFT_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def test_keys_over_two_processes(tmp_path: Path) -> None:
    with running_graft(tmp_path, api_processes=2, access_control="true") as running:
        log = tmp_path / "graft.log"
        (admin,) = _KEY.findall(log.read_text())
        url = running.url
        assert "GRAFT_API_KEY" in type_in("jobs", url=url, code=ExitCode.REFUSED)
        assert json.loads(type_in("whoami", "--json", url=url, key=admin))["name"]

        with Graft(url) as nobody, pytest.raises(Unauthenticated):
            nobody.jobs.list().all()
        created = json.loads(
            type_in("keys", "create", "ci", "--role", "viewer", "--json", url=url, key=admin)
        )
        viewer = created["key"]
        with Graft(url, api_key=viewer) as graft:
            assert graft.jobs.list().all() == []
            with pytest.raises(Forbidden, match="admin"):
                graft.keys.list().all()

        ended = threading.Event()

        def follow() -> None:
            headers = {"Authorization": f"Bearer {viewer}"}
            with httpx.stream("GET", f"{url}/events/stream", headers=headers, timeout=60) as answer:
                assert answer.status_code == 200
                for _ in answer.iter_raw():
                    pass
            ended.set()

        following = threading.Thread(target=follow, daemon=True)
        following.start()
        seen = {ask(url, viewer) for _ in range(20)}  # by connections of both processes
        assert seen == {200}
        type_in("keys", "revoke", created["id"], url=url, key=admin)
        revoked_at = time.monotonic()
        wait_until(lambda: ask_often(url, viewer) == {401}, "the revocation", REVOCATION_SECONDS)
        assert ended.wait(REVOCATION_SECONDS - (time.monotonic() - revoked_at))

        audited = type_in("audit", "--json", url=url, key=admin)
        actions = [(one["action"], one["subject"]) for one in json.loads(audited)]
        assert actions[:2] == [("key.revoked", created["id"]), ("key.created", created["id"])]
        saved = tmp_path / "audit.csv"
        type_in("audit", "--output", str(saved), url=url, key=admin)
        assert saved.read_text().startswith("id,created_at,tenant,action")
        assert "revoked" in type_in("keys", "list", url=url, key=admin)

        told = log.read_text()
        assert told.count(admin) == 1, "only the first start shows it"
        assert viewer.rpartition("_")[2] not in told
    with running_graft(tmp_path, access_control="true") as running:
        assert _KEY.findall((tmp_path / "graft.log").read_text()) == []
        assert ask(running.url, admin) == 200


def ask(url: str, key: str) -> int:
    """By a connection of its own, which the kernel gives to either process."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{url}/whoami", headers=headers, timeout=30).status_code


def ask_often(url: str, key: str) -> set[int]:
    return {ask(url, key) for _ in range(10)}


@pytest.mark.parametrize("command", ["up", "api", "demo"])
def test_an_open_port_without_access_control_is_refused(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", command],
        env=os.environ
        | {
            "GRAFT_DATA_DIR": str(tmp_path),
            "GRAFT_HOST": "0.0.0.0",  # noqa: S104 - refused
            "GRAFT_PORT": str(find_free_port()),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE
    assert "GRAFT_ACCESS_CONTROL=true" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_operator_makes_a_key_without_the_api(tmp_path: Path) -> None:
    def run(*arguments: str, code: int = 0) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=os.environ | {"GRAFT_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr

    assert "graft migrate" in run("admin-key", code=ExitCode.FAILED)[1]
    run("migrate")
    made, note = run("admin-key", "--name", "me")
    assert _KEY.fullmatch(made.strip())
    assert "GRAFT_API_KEY" in note
    assert "lower-case" in run("admin-key", "--tenant", "No", code=ExitCode.FAILED)[1]
