"""Images and their thumbnails: sizes, caching and storage."""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.db.session import Database
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, problem, upload
from tests.images import draw_picture, encode


def get_size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        return image.size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (16, (64, 43)),
        (60, (64, 43)),
        (64, (64, 43)),
        (65, (128, 85)),
        (256, (256, 171)),
        (257, (300, 200)),  # not enlarged
        (1024, (300, 200)),
    ],
)
def test_sizes_are_rounded_up(
    client: TestClient, ready: str, size: int, expected: tuple[int, int]
) -> None:
    response = client.get(f"/datasets/{ready}/images/1", params={"size": size})
    assert response.headers["content-type"] == "image/jpeg"
    assert get_size(response.content) == expected


@pytest.mark.parametrize("size", [15, 1025])
def test_the_size_of_a_thumbnail_is_limited(client: TestClient, ready: str, size: int) -> None:
    response = client.get(f"/datasets/{ready}/images/1", params={"size": size})
    assert problem(response) == (422, "VALIDATION")


def test_images_and_thumbnails_are_cached_by_their_digest(client: TestClient, ready: str) -> None:
    sha256 = client.get(f"/datasets/{ready}/images").json()["data"][0]["sha256"]
    for params, tag in (({}, sha256), ({"size": 100}, f"{sha256}-128")):
        path = f"/datasets/{ready}/images/1"
        first = client.get(path, params=params)
        assert first.headers["etag"] == f'"{tag}"'
        assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
        again = client.get(path, params=params, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == first.headers["cache-control"]
        other = client.get(path, params=params, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content)


def list_thumbnails(storage: LocalStorage) -> list[str]:
    return [key for key in storage.list_keys() if key.startswith("thumbnails/")]


def test_a_thumbnail_is_made_once(client: TestClient, storage: LocalStorage, ready: str) -> None:
    assert list_thumbnails(storage) == []
    path = f"/datasets/{ready}/images/1?size=100"
    first = client.get(path).content
    (key,) = list_thumbnails(storage)
    assert storage.path(key).read_bytes() == first
    storage.path(key).write_bytes(b"stored")
    assert client.get(path).content == b"stored"
    assert client.get(f"/datasets/{ready}/images/1?size=128").content == b"stored"
    assert get_size(client.get(f"/datasets/{ready}/images/1?size=129").content) == (256, 171)
    assert client.delete(f"/datasets/{ready}").status_code == 204
    assert problem(client.get(path)) == (404, "NOT_FOUND")


def test_many_thumbnails_at_a_time_are_all_right(
    client: TestClient, storage: LocalStorage, ready: str
) -> None:
    paths = [f"/datasets/{ready}/images/{number}?size=64" for number in range(1, 17)] * 2
    with ThreadPoolExecutor(8) as executor:
        answers = list(executor.map(client.get, paths))
    assert {answer.status_code for answer in answers} == {200}
    contents = [answer.content for answer in answers]
    assert contents[:16] == contents[16:]
    assert len(list_thumbnails(storage)) == 16


def test_a_photograph_is_turned_upright(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    buffer, photograph = io.BytesIO(), io.BytesIO()
    picture = draw_picture(size=(1600, 1200))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(photograph, "JPEG", exif=exif, quality=95)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("train/ants/1.jpg", photograph.getvalue())
        archive.writestr("train/bees/1.png", encode(draw_picture(seed=1)))
        archive.writestr("val/ants/1.png", encode(draw_picture(seed=2)))
        archive.writestr("val/bees/1.png", encode(draw_picture(seed=3)))
    dataset_id = upload(client, buffer.getvalue()).json()["id"]
    check_upload(dataset_id, database, storage)
    content = client.get(f"/datasets/{dataset_id}/images/1?size=128").content
    assert get_size(content) == (96, 128)
    upright = picture.transpose(Image.Transpose.ROTATE_270).resize((96, 128), Image.Resampling.BOX)
    with Image.open(io.BytesIO(content)) as shown:
        pairs = zip(shown.tobytes(), upright.tobytes(), strict=True)
        differences = [abs(one - other) for one, other in pairs]
    assert sum(differences) / len(differences) < 6
