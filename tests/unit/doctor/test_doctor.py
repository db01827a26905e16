"""What `graft doctor` finds on machines where something is missing."""

import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import text

from app.db.session import Database
from app.doctor import data, machine, run
from app.doctor.finding import Finding
from app.folder_lock import locking
from app.settings import Settings
from app.space import find_free_bytes
from tests.servers import find_free_port


def changed(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)


def assert_found(finding: Finding, status: str, *words: str) -> None:
    assert finding.status == status, finding
    assert all(word in finding.found for word in words), finding
    assert bool(finding.advice) == (status != "ok")


def test_a_complete_service_is_well(settings: Settings, database: Database) -> None:
    assert database.engine.url.database
    findings = dict(run.run_checks(changed(settings, port=find_free_port())))
    assert findings.keys() == run.CHECKS.keys()
    assert {name: one for name, one in findings.items() if one.status == "error"} == {}
    assert "sqlite" in findings["database"].found
    assert "the newest" in findings["migrations"].found


def test_a_database_that_does_not_answer(settings: Settings) -> None:
    url = f"postgresql://graft:secret@127.0.0.1:{find_free_port()}/graft"
    down = changed(settings, database_url=url)
    assert_found(data.check_database(down), "error", "cannot be opened", "graft:***@")
    assert_found(data.check_migrations(down), "error", "cannot be read")


def test_postgresql_is_described(settings: Settings, postgres_database: Database) -> None:
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    there = changed(settings, database_url=url)
    assert_found(data.check_database(there), "ok", "PostgreSQL 1")
    assert_found(data.check_migrations(there), "ok", "the newest")
    assert_found(data.check_clock(there), "ok", "compared with the database")


@pytest.mark.parametrize(("revision", "status"), [("0001", "warning"), ("9999", "error")])
def test_another_schema(settings: Settings, database: Database, revision: str, status: str) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": revision})
    assert_found(data.check_migrations(settings), status, revision)


def test_a_broker_that_does_not_answer(settings: Settings) -> None:
    down = changed(settings, broker_url=f"redis://:secret@127.0.0.1:{find_free_port()}/0")
    finding = data.check_broker(down)
    assert_found(finding, "error", "does not answer", ":***@")


def test_a_broker_that_answers(settings: Settings, redis_url: str) -> None:
    assert_found(data.check_broker(changed(settings, broker_url=redis_url)), "ok", redis_url)


def test_too_little_space(settings: Settings, tmp_path: Path) -> None:
    full = changed(settings, storage_floor_bytes=10**18)
    assert_found(data.check_storage(full), "error", "GRAFT_STORAGE_FLOOR_BYTES")
    free = find_free_bytes(tmp_path) or 0
    soon = changed(settings, storage_floor_bytes=free * 3 // 4)
    assert_found(data.check_storage(soon), "warning", "of free space")


def test_a_storage_that_is_no_folder(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_found(
        data.check_storage(changed(settings, storage_url=f"file://{tmp_path}/file")),
        "error",
        "is not writable",
    )


def test_weights_that_are_missing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert_found(data.check_weights(settings), "warning", "0 files", "is false")
    lost = changed(settings, weights_dir=tmp_path / "lost")
    assert_found(data.check_weights(lost), "error", "which is no folder")
    (tmp_path / "resnet18.safetensors").touch()
    assert_found(data.check_weights(changed(settings, weights_dir=tmp_path)), "ok", "1 files")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_missing(settings: Settings) -> None:
    assert_found(machine.check_devices(changed(settings, device="cuda")), "error", "finds no GPU")
    assert_found(machine.check_devices(settings), "ok", "CPU, ")


def test_versions_that_do_not_belong_together(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_found(machine.check_versions(settings), "ok", f"torch {torch.__version__.split('+')[0]}")
    monkeypatch.setattr(machine, "_find_needed_torch", lambda: "0.1.2")
    assert_found(machine.check_versions(settings), "error", "needs torch 0.1.2")


def test_few_open_files(settings: Settings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        assert_found(machine.check_open_files(settings), "warning", "512 open files")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_budgets_above_the_memory(settings: Settings) -> None:
    large = changed(settings, model_cache_bytes=10**15)
    assert_found(machine.check_memory(large), "warning", "TB for models and bodies")


def test_a_clock_that_differs(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database.engine.url.database
    settings.storage_dir.mkdir(parents=True)
    monkeypatch.setattr(data, "_MAX_CLOCK_SECONDS", -1.0)
    assert_found(data.check_clock(settings), "warning", "s from the storage")


def test_a_port_that_another_program_uses(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = changed(settings, port=server.getsockname()[1])

        def close_each() -> None:
            for _ in range(2):
                server.accept()[0].close()

        threading.Thread(target=close_each, daemon=True).start()
        assert_found(machine.check_port(taken), "error", "another program")


def test_a_service_that_does_not_answer(settings: Settings) -> None:
    silent = changed(settings, port=find_free_port())
    with locking(settings.data_dir) as lock:
        lock.describe(f"http://127.0.0.1:{silent.port}")
        assert_found(machine.check_port(silent), "error", "does not answer")
    assert_found(machine.check_port(silent), "ok", "is free")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", "ok"), ("::1", "ok"), ("localhost", "ok"), ("0.0.0.0", "error")],  # noqa: S104 - not bound
)
def test_a_service_on_a_network_needs_access_control(
    settings: Settings, host: str, status: str
) -> None:
    assert_found(machine.check_access(changed(settings, host=host)), status, host)


def _fail(_: Settings) -> Finding:
    raise ValueError("broken")


def _hang(_: Settings) -> Finding:
    threading.Event().wait(60)
    raise AssertionError


@pytest.mark.parametrize(("check", "word"), [(_fail, "broken"), (_hang, "no answer within")])
def test_a_check_that_fails_or_hangs_is_an_error(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[Settings], Finding],
    word: str,
) -> None:
    monkeypatch.setattr(run, "CHECKS", {"one": check})
    ((name, finding),) = run.run_checks(settings, limit_seconds=0.5)
    assert name == "one"
    assert_found(finding, "error", word)
