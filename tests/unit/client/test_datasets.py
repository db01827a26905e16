"""Datasets with the Python client."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from app.advice.schemas import Advice
from graft_client import Dataset, Graft, OutcomeError
from graft_client.errors import ConnectionFailed, InvalidInput, Unavailable
from graft_client.synchronous import connection as connection_module
from tests.answers import ADVICE
from tests.unit.client.answers import as_json, dataset, image, later, page, problem
from tests.unit.client.conftest import Answer, Service

IMAGES = "/datasets/ds_1/images"


@pytest.fixture
def pets(graft: Graft) -> Dataset:
    return Dataset.read(graft.connection, dataset())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cats/1.jpg", "dogs/deep/2.jpg"):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(name.encode() * 100_000)
    return tmp_path / "pets"


def file_of(body: bytes) -> bytes:
    """Return the content of the form's last part."""
    boundary = body[: body.index(b"\r\n")]
    return body.rpartition(b"\r\n\r\n")[2].removesuffix(b"\r\n" + boundary + b"--\r\n") or body


def test_an_archive_is_sent_as_it_is_with_its_fields(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    archive = tmp_path / 'the "pets".zip'
    archive.write_bytes(b"PK-of-sorts")
    service.answer("POST", "/datasets", as_json(dataset(status="ingesting"), 202))
    uploaded = graft.datasets.upload(
        str(archive), name="pets", val_fraction=0.25, metadata={"team": "ants"}
    )
    assert uploaded.status == "ingesting"
    (sent,) = service.received
    assert b'name="file"; filename="the %22pets%22.zip"' in sent.body
    assert file_of(sent.body) == b"PK-of-sorts"
    assert b'name="val_fraction"\r\n\r\n0.25\r\n' in sent.body
    assert b'name="name"\r\n\r\npets\r\n' in sent.body
    assert b'name="metadata"\r\n\r\n{"team": "ants"}\r\n' in sent.body
    assert b"split_seed" not in sent.body
    assert int(sent.headers["Content-Length"]) == len(sent.body)


def test_a_folder_is_packed_while_it_is_sent(graft: Graft, service: Service, folder: Path) -> None:
    service.answer("POST", "/datasets", as_json(dataset(), 202))
    graft.datasets.upload(folder)
    (sent,) = service.received
    assert sent.headers["Transfer-Encoding"] == "chunked"
    assert b'filename="pets.zip"' in sent.body
    start = sent.body.index(b"PK")
    with zipfile.ZipFile(BytesIO(sent.body[start:])) as archive:
        assert archive.testzip() is None
        assert {one.filename: one.compress_type for one in archive.infolist()} == {
            "cats/1.jpg": zipfile.ZIP_STORED,
            "dogs/deep/2.jpg": zipfile.ZIP_STORED,
        }
        assert archive.read("dogs/deep/2.jpg") == b"dogs/deep/2.jpg" * 100_000


def test_a_missing_or_empty_source_is_an_error(graft: Graft, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        graft.datasets.upload(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no files"):
        graft.datasets.upload(tmp_path)


def test_an_upload_that_was_cut_off_is_sent_again_under_the_same_key(
    graft: Graft, service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "sleep", lambda _: None)
    broken = Answer(b"{", 202, is_broken=True)
    service.answer("POST", "/datasets", broken, as_json(dataset(), 202))
    assert graft.datasets.upload(folder).id == "ds_1"
    first, second = service.received
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body[first.body.index(b"PK") : -50] == second.body[second.body.index(b"PK") : -50]


def test_waiting_ends_when_the_dataset_is_ready(pets: Dataset, service: Service) -> None:
    service.answer(
        "GET", "/datasets/ds_1", as_json(dataset(status="ingesting")), as_json(dataset(digest="cd"))
    )
    assert pets.wait() is pets
    assert (pets.digest, pets.num_images) == ("cd", 3)
    assert len(service.received) == 2


def test_an_invalid_dataset_is_an_error_with_its_code(pets: Dataset, service: Service) -> None:
    reason = {"code": "DATASET_LAYOUT", "message": "one class only"}
    service.answer("GET", "/datasets/ds_1", as_json(dataset(status="invalid", error=reason)))
    with pytest.raises(OutcomeError, match="one class only") as raised:
        pets.wait()
    assert (raised.value.code, raised.value.subject_id) == ("DATASET_LAYOUT", "ds_1")


def test_images_are_listed_page_by_page(pets: Dataset, service: Service) -> None:
    service.answer(
        "GET", IMAGES, page(image(id=1), image(id=2), has_more=True, last_id="2"), page(image(id=3))
    )
    images = pets.images(split="val", class_name="cats", finding="leaked")
    listed = iter(images)
    assert [next(listed).id, next(listed).id] == [1, 2]
    assert len(service.received) == 1
    assert next(listed).id == 3
    first, second = (request.query for request in service.received)
    assert first == "limit=100&split=val&class=cats&finding=leaked"
    assert second == f"{first}&after=2"
    assert list(listed) == []


def test_an_image_is_shown_and_saved(pets: Dataset, service: Service, tmp_path: Path) -> None:
    service.answer("GET", IMAGES, page(image()))
    service.answer("GET", f"{IMAGES}/7", Answer(b"\xff\xd8JPEG", content_type="image/jpeg"))
    (found,) = pets.images().take(1)
    assert service.received[-1].query == "limit=1"
    picture = found.picture(size=64)
    assert service.received[-1].query == "size=64"
    assert (picture.data, picture.content_type) == (b"\xff\xd8JPEG", "image/jpeg")
    assert found.save(tmp_path / "cat.jpg").read_bytes() == b"\xff\xd8JPEG"
    assert pets.image(7) == picture
    assert "data:image/jpeg;base64" in found._repr_html_()


def test_pairs_are_read_as_images(pets: Dataset, service: Service) -> None:
    row = {"id": "1-2", "first": image(id=1), "second": image(id=2)}
    service.answer("GET", "/datasets/ds_1/pairs", page(row))
    (pair,) = pets.pairs("leaked")
    service.answer("GET", f"{IMAGES}/2", Answer(b"PNG", content_type="image/png"))
    assert pair.second.picture().data == b"PNG"


def test_advice_is_waited_for_and_can_be_followed(pets: Dataset, service: Service) -> None:
    path = "/datasets/ds_1/advice"
    answer = Advice.model_validate(ADVICE).model_dump(mode="json")
    service.answer("GET", path, later(f"{path}?architecture=alexnet"), as_json(answer))
    advice = pets.advice(architecture="alexnet")
    assert advice.fields == {
        "architecture": answer["architecture"],
        "strategy": "partial",
        "trainable_from": "layer4",
    }
    assert advice.expected_accuracy.value == 0.9
    assert [received.query for received in service.received] == ["architecture=alexnet"] * 2


def test_advice_on_an_ingesting_dataset_waits_for_the_dataset(
    graft: Graft, service: Service
) -> None:
    new = Dataset.read(graft.connection, dataset(status="ingesting"))
    service.answer("GET", "/datasets/ds_1", as_json(dataset()))
    failed = problem(409, "TOO_FEW_IMAGES", "one image")
    service.answer("GET", "/datasets/ds_1/advice", failed)
    with pytest.raises(Exception, match="TOO_FEW_IMAGES"):
        new.advice()
    assert new.status == "ready"


def test_datasets_are_got_listed_and_deleted(graft: Graft, service: Service) -> None:
    service.answer("GET", "/datasets/ds_1", as_json(dataset()))
    service.answer("GET", "/datasets", page(dataset()))
    service.answer("DELETE", "/datasets/ds_1", Answer(b"", 204))
    found = graft.datasets.get("ds_1")
    assert graft.datasets.list(q="pet").all() == [found]
    found.delete()
    graft.datasets.delete(found)
    assert [request.method for request in service.received[-2:]] == ["DELETE", "DELETE"]


def test_an_upload_to_a_service_that_is_full_says_so(
    graft: Graft, service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "sleep", lambda _: None)
    service.answer("POST", "/datasets", problem(503, "OVERLOADED", "later"))
    with pytest.raises(Unavailable, match="later"):
        graft.datasets.upload(folder)
    assert len(service.received) == 4
    service.answer("POST", "/datasets", Answer(b"", is_broken=True))
    with pytest.raises(ConnectionFailed):
        graft.datasets.upload(folder)
