"""The shadow model: what it counts and drops, and that it changes no response."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from app.db.session import Database
from app.db.tables import ModelVersion
from app.models.service import resolve_chosen
from app.predictions.servable import Servable, load_servable
from app.predictions.shadow import MAX_WAITING, ShadowTraffic, compare_probabilities
from app.serving.schemas import ChooseModel, SetShadow, ShadowCounts
from app.serving.service import choose_model, get_chosen
from app.storage import LocalStorage
from tests.models import register_model
from tests.uploads import draw_picture

PICTURE = draw_picture("amber", 1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


@pytest.fixture
def version(database: Database, storage: LocalStorage) -> ModelVersion:
    """Register the chosen version and a shadow with other weights."""
    register_model(database, storage, "champion", seed=0)
    register_model(database, storage, "challenger", seed=1)
    choose(database, 1.0)
    with database.reading() as session:
        return resolve_chosen(session)


def choose(database: Database, fraction: float) -> None:
    shadow = SetShadow(model="challenger", fraction=fraction)
    with database.transaction() as session:
        choose_model(session, ChooseModel(model="champion", shadow=shadow))


def load(storage: LocalStorage, name: str, seed: int) -> Servable:
    path = storage.path(f"jobs/{name}/{seed}/model.safetensors")
    return load_servable(path, None, torch.device("cpu"), precision="fp32")


def score(servable: Servable, picture: bytes = PICTURE) -> torch.Tensor:
    return servable.engine.run(servable.prepare(picture)[None]).logits[0]


@contextmanager
def running(
    database: Database,
    storage: LocalStorage,
    *,
    is_idle: Callable[[], bool] = lambda: True,
    loading: Callable[[ModelVersion], Servable] | None = None,
) -> Iterator[ShadowTraffic]:
    traffic = ShadowTraffic(
        database,
        load=loading or (lambda _: load(storage, "challenger", 1)),
        is_idle=is_idle,
        max_pixels=10**6,
        refresh_seconds=0.05,
    )
    try:
        yield traffic
    finally:
        traffic.close()


def read(database: Database) -> ShadowCounts:
    with database.reading() as session:
        shadow = get_chosen(session).shadow
    assert shadow is not None
    return shadow.tally


def test_an_image_is_compared() -> None:
    counts = compare_probabilities(torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.4, 0.5, 0.1]))
    assert (counts.num_images, counts.num_agreed) == (1, 0)
    assert counts.sum_abs_difference == pytest.approx(0.2)
    assert compare_probabilities(torch.tensor([0.7, 0.3]), torch.tensor([0.6, 0.4])).num_agreed == 1


def test_agreement_is_that_of_the_two_models(
    database: Database, storage: LocalStorage, version: ModelVersion
) -> None:
    champion, challenger = load(storage, "champion", 0), load(storage, "challenger", 1)
    pictures = [draw_picture(color, 1) for color in ("amber", "blue", "green")]
    answered = [score(champion, picture) for picture in pictures]
    expected = [
        compare_probabilities((logits / 2.0).softmax(0), score(challenger, picture).softmax(0))
        for logits, picture in zip(answered, pictures, strict=True)
    ]
    with running(database, storage) as traffic:
        for picture, logits in zip(pictures, answered, strict=True):
            wait_until(lambda p=picture, a=logits: traffic.submit(version, p, a, 2.0))  # type: ignore[misc]
        wait_until(lambda: read(database).num_images == 3)
    tally = read(database)
    assert tally.num_agreed == sum(one.num_agreed for one in expected)
    difference = sum(one.sum_abs_difference for one in expected) / 3
    assert tally.mean_abs_difference == pytest.approx(difference, abs=1e-5)
    assert difference > 0
    assert tally.agreement_interval is not None
    assert (tally.num_dropped, tally.num_failed) == (0, 0)


def test_no_image_is_scored_while_all_lanes_are_busy(
    database: Database, storage: LocalStorage, version: ModelVersion
) -> None:
    logits = torch.zeros(3)
    with running(database, storage, is_idle=lambda: False) as traffic:
        wait_until(lambda: traffic.submit(version, PICTURE, logits, 1.0))
        assert all(traffic.submit(version, PICTURE, logits, 1.0) for _ in range(MAX_WAITING + 4))
        wait_until(lambda: read(database).num_dropped >= 4)
    tally = read(database)
    assert (tally.num_images, tally.num_dropped) == (0, MAX_WAITING + 5)
    assert tally.agreement is None


def test_a_failed_load_is_counted_and_retried(
    database: Database, storage: LocalStorage, version: ModelVersion
) -> None:
    is_there = threading.Event()

    def loading(_: ModelVersion) -> Servable:
        if not is_there.is_set():
            raise FileNotFoundError
        return load(storage, "challenger", 1)

    with running(database, storage, loading=loading) as traffic:
        wait_until(lambda: traffic.submit(version, PICTURE, torch.zeros(3), 1.0))
        wait_until(lambda: read(database).num_failed == 1)
        is_there.set()

        def submit_and_check() -> bool:
            traffic.submit(version, PICTURE, torch.zeros(3), 1.0)
            return read(database).num_images > 0

        wait_until(submit_and_check)


def test_an_image_that_the_shadow_cannot_read_is_counted(
    database: Database, storage: LocalStorage, version: ModelVersion
) -> None:
    with running(database, storage) as traffic:
        wait_until(lambda: traffic.submit(version, b"no image", torch.zeros(3), 1.0))
        wait_until(lambda: read(database).num_failed == 1)
        traffic.submit(version, PICTURE, torch.zeros(3), 1.0)
        wait_until(lambda: read(database).num_images == 1)


def test_only_a_share_of_the_chosen_versions_images_is_sampled(
    database: Database, storage: LocalStorage, version: ModelVersion
) -> None:
    other = ModelVersion(name="champion", version=2)
    with running(database, storage, is_idle=lambda: False) as traffic:
        wait_until(lambda: traffic.submit(version, PICTURE, torch.zeros(3), 1.0))
        assert not traffic.submit(other, PICTURE, torch.zeros(3), 1.0)
        choose(database, 0.5)
        wait_until(lambda: not traffic.submit(version, PICTURE, torch.zeros(3), 1.0))
        shown = sum(traffic.submit(version, PICTURE, torch.zeros(3), 1.0) for _ in range(1000))
        assert 400 < shown < 600  # six standard deviations
        choose(database, 0.0)
        wait_until(
            lambda: (
                not any(traffic.submit(version, PICTURE, torch.zeros(3), 1.0) for _ in range(100))
            )
        )
