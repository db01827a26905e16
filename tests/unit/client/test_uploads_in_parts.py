"""Large sources are sent in parts, and interrupted uploads continue."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from graft_client import Graft, tus
from graft_client.errors import Conflict, ConnectionFailed, GraftError, InvalidInput, ServiceError
from graft_client.upload_state import is_remembered
from tests.unit.client.answers import as_json, dataset, problem
from tests.unit.client.conftest import Answer, Received, Service
from tests.unit.client.running import run

PATH = "/uploads/upl_1"
CONTENT = bytes(range(250))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tus, "MIN_BYTES", 100)
    monkeypatch.setattr(tus, "PART_BYTES", 100)
    monkeypatch.setattr(tus, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pets.zip"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def speaking_tus(service: Service) -> Service:
    """A service with an upload that takes every part; a test replaces some answers."""
    service.answer(
        "OPTIONS", "/uploads", Answer(b"", 204, headers=(("Tus-Extension", "creation,checksum"),))
    )
    service.answer("POST", "/uploads", Answer(b"", 201, headers=(("Location", PATH),)))
    service.answer("PATCH", PATH, *(at(offset) for offset in (100, 200, 250)))
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    return service


def at(offset: int, status: int = 204) -> Answer:
    return Answer(b"", status, headers=(("Upload-Offset", str(offset)),))


def parts_of(service: Service) -> list[tuple[int, bytes]]:
    return [
        (int(one.headers["Upload-Offset"]), one.body)
        for one in service.received
        if one.method == "PATCH"
    ]


def newest(service: Service, method: str, path: str) -> Received:
    return next(one for one in service.received[::-1] if (one.method, one.path) == (method, path))


def test_a_large_archive_is_sent_in_parts_with_checksums(
    graft: Graft, speaking_tus: Service, archive: Path
) -> None:
    graft.datasets.upload(archive, val_fraction=0.3, metadata={"team": "ants"})
    created = newest(speaking_tus, "POST", "/uploads").headers
    assert created["Upload-Length"] == "250"
    assert created["Upload-Metadata"] == f"filename {base64.b64encode(b'pets.zip').decode()}"
    assert parts_of(speaking_tus) == [
        (0, CONTENT[:100]),
        (100, CONTENT[100:200]),
        (200, CONTENT[200:]),
    ]
    digest = base64.b64encode(hashlib.sha256(CONTENT[200:]).digest()).decode()
    last = newest(speaking_tus, "PATCH", PATH).headers
    assert last["Upload-Checksum"] == f"sha256 {digest}"
    assert {one.headers["Tus-Resumable"] for one in speaking_tus.received[1:-1]} == {"1.0.0"}
    request = speaking_tus.received[-1]
    assert json.loads(request.body) == {
        "upload_id": "upl_1",
        "val_fraction": 0.3,
        "metadata": {"team": "ants"},
    }
    assert "Idempotency-Key" in request.headers
    assert not is_remembered(graft.url, archive)


def test_an_older_service_gets_the_form(graft: Graft, service: Service, archive: Path) -> None:
    service.answer("OPTIONS", "/uploads", problem(404, "NOT_FOUND", "nothing"))
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    graft.datasets.upload(archive)
    assert b'name="file"' in service.received[-1].body


def test_a_small_archive_is_sent_as_a_form(graft: Graft, service: Service, archive: Path) -> None:
    archive.write_bytes(b"x" * 100)
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    graft.datasets.upload(archive)
    assert [one.method for one in service.received] == ["POST"]


@pytest.mark.parametrize(
    "failure",
    [
        problem(423, "UPLOAD_LOCKED", "locked"),
        problem(460, "CHECKSUM_MISMATCH", "damaged"),
        problem(503, "UNAVAILABLE", "restarting"),
        problem(507, "STORAGE_FULL", "full"),
        problem(400, "BODY_INCOMPLETE", "stalled"),
    ],
)
def test_a_part_is_sent_again_after_an_error_that_passes(
    graft: Graft, speaking_tus: Service, archive: Path, failure: Answer
) -> None:
    speaking_tus.answer("PATCH", PATH, at(100), failure, at(200), at(250))
    speaking_tus.answer("HEAD", PATH, problem(503, "UNAVAILABLE", ""), at(100, 200))
    graft.datasets.upload(archive)
    assert [offset for offset, _ in parts_of(speaking_tus)] == [0, 100, 100, 200]


def test_it_continues_where_the_service_is(
    graft: Graft, speaking_tus: Service, archive: Path
) -> None:
    """The answer to the second part was lost; after the third, the service has gone back."""
    lost, gone_back = (
        problem(502, "BAD_GATEWAY", "lost"),
        problem(409, "UPLOAD_OFFSET_MISMATCH", ""),
    )
    speaking_tus.answer("PATCH", PATH, at(100), lost, gone_back, at(250))
    speaking_tus.answer("HEAD", PATH, at(200, 200), at(150, 200))
    graft.datasets.upload(archive)
    assert [offset for offset, _ in parts_of(speaking_tus)] == [0, 100, 200, 150]
    assert parts_of(speaking_tus)[-1][1] == CONTENT[150:]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (problem(503, "UNAVAILABLE", "gone for long"), GraftError),
        (problem(413, "BODY_TOO_LARGE", "too large"), GraftError),
    ],
)
def test_it_gives_up_and_a_later_call_continues(
    graft: Graft, speaking_tus: Service, archive: Path, failure: Answer, kind: type[Exception]
) -> None:
    speaking_tus.answer("PATCH", PATH, at(100), failure)
    speaking_tus.answer("HEAD", PATH, at(100, 200))
    with pytest.raises(kind):
        graft.datasets.upload(archive)
    assert is_remembered(graft.url, archive)
    speaking_tus.received.clear()
    speaking_tus.answer("PATCH", PATH, at(200), at(250))
    graft.datasets.upload(archive)
    assert [offset for offset, _ in parts_of(speaking_tus)] == [100, 200]
    assert not [one for one in speaking_tus.received if one.path == "/uploads" == one.method]
    assert not is_remembered(graft.url, archive)


@pytest.mark.parametrize("change", ["file", "resume", "expired"])
def test_another_file_or_an_expired_upload_begins_anew(
    graft: Graft, speaking_tus: Service, archive: Path, change: str
) -> None:
    speaking_tus.answer("PATCH", PATH, at(100), problem(413, "BODY_TOO_LARGE", "too large"))
    with pytest.raises(GraftError):
        graft.datasets.upload(archive)
    speaking_tus.received.clear()
    speaking_tus.answer("PATCH", PATH, *(at(offset) for offset in (100, 200, 250)))
    speaking_tus.answer("HEAD", PATH, Answer(b"", 410, "application/problem+json"))
    if change == "file":
        archive.write_bytes(CONTENT[::-1])
    graft.datasets.upload(archive, resume=change != "resume")
    assert [offset for offset, _ in parts_of(speaking_tus)] == [0, 100, 200]


def test_a_refused_archive_is_not_sent_again(
    graft: Graft, speaking_tus: Service, archive: Path
) -> None:
    speaking_tus.answer("POST", "/datasets", problem(409, "UPLOAD_USED", "used for ds_1"))
    with pytest.raises(Conflict, match="ds_1"):
        graft.datasets.upload(archive)
    assert not is_remembered(graft.url, archive)


def test_a_wrong_field_keeps_the_upload(graft: Graft, speaking_tus: Service, archive: Path) -> None:
    speaking_tus.answer("POST", "/datasets", problem(422, "VALIDATION", "name"))
    with pytest.raises(GraftError):
        graft.datasets.upload(archive, name="A B")
    assert is_remembered(graft.url, archive)


@pytest.mark.usefixtures("speaking_tus")
def test_a_file_that_shrinks_meanwhile_is_an_error(
    graft: Graft, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graft_client.packing import Source  # noqa: PLC0415 - changed here alone

    monkeypatch.setattr(Source, "length", property(lambda _: 300))
    with pytest.raises(InvalidInput, match="has changed"):
        graft.datasets.upload(archive)


def test_a_folder_is_sent_in_parts_of_its_zip(
    graft: Graft, speaking_tus: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(bytes(150))
    length = 150 + 30 + 5 + 16 + 46 + 5 + 22
    offsets = (100, 200, length)
    speaking_tus.answer("PATCH", PATH, *map(at, offsets))
    graft.datasets.upload(folder)
    assert newest(speaking_tus, "POST", "/uploads").headers["Upload-Length"] == str(length)
    assert sum(len(part) for _, part in parts_of(speaking_tus)) == length


def test_a_state_folder_that_cannot_be_written_is_no_error(
    graft: Graft, speaking_tus: Service, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(archive))  # a file
    graft.datasets.upload(archive)
    assert len(parts_of(speaking_tus)) == 3


def test_an_archive_for_a_batch_is_sent_in_parts(
    graft: Graft, speaking_tus: Service, archive: Path
) -> None:
    speaking_tus.answer("POST", "/predictions", problem(409, "MODEL_NOT_READY", "none"))
    with pytest.raises(Conflict):
        graft.batches.upload(archive, model="pets", top_k=2)
    body: Any = json.loads(speaking_tus.received[-1].body)
    assert body == {"upload_id": "upl_1", "model": "pets", "top_k": 2}


def test_the_command_says_how_to_continue(speaking_tus: Service, archive: Path) -> None:
    speaking_tus.answer("PATCH", PATH, problem(413, "BODY_TOO_LARGE", "too large"))
    done = run(speaking_tus, "upload", str(archive))
    assert done.exit_code != 0
    assert "Run the same command again to continue" in done.stderr


def test_what_passes_and_what_does_not() -> None:
    patience = tus.Patience()
    assert patience.next_pause(ConnectionFailed("CONNECTION_FAILED", "")) > 0
    with pytest.raises(ServiceError):
        patience.next_pause(ServiceError("INTERNAL", "", 501))
