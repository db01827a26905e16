"""Progress in a terminal and in a notebook, and the HTML of the client's objects."""

import io
import re
import sys
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from app.advice.schemas import Advice as ServiceAdvice
from app.reports.schemas import JobReportView
from graft_client import Dataset, Graft, Job
from graft_client.display.base import SilentDisplay
from graft_client.display.choosing import open_display
from graft_client.display.curves import curves_svg
from graft_client.display.html import MAX_ROWS
from graft_client.display.meter import Meter, format_bytes, format_seconds
from graft_client.display.notebook import NotebookDisplay
from graft_client.display.terminal import TerminalDisplay
from graft_client.history import History
from graft_client.schemas.jobs import Epoch
from graft_client.schemas.plans import Advice
from graft_client.schemas.predictions import ImagePredictions
from graft_client.schemas.reports import Report
from graft_client.synchronous.models import Model
from tests.answers import ADVICE
from tests.reports import make_report
from tests.unit.client.answers import (
    EPOCH,
    PREDICTION,
    as_json,
    dataset,
    event,
    job,
    model,
    stream,
)
from tests.unit.client.conftest import Answer, Service

PNG = Answer(b"\x89PNG....", content_type="image/png")
EVIL = "<script>alert(1)</script>"


class Recorder(SilentDisplay):
    """Keeps what it is to show."""

    def __init__(self) -> None:
        self.updates: list[tuple[int, int | None, str]] = []
        self.epochs: list[int] = []

    def update(self, done: int, total: int | None, text: str) -> None:
        self.updates.append((done, total, text))

    def add_epoch(self, epoch: Epoch, strength: float | None) -> None:
        del strength
        self.epochs.append(epoch.epoch)


class Shape(HTMLParser):
    """Fails for tags that are not closed in order, and keeps those that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        del attrs
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags_of(html: str) -> list[str]:
    """Return the tags of HTML that is well formed."""
    shape = Shape()
    shape.feed(html)
    assert shape.open == []
    return shape.seen


def epochs(count: int) -> list[Epoch]:
    rows = (EPOCH | {"epoch": number, "is_best": number == count} for number in range(1, count + 1))
    return [Epoch.model_validate(row) for row in rows]


def test_the_meter_shows_speed_and_time_left() -> None:
    now = 0.0
    display = Recorder()
    meter = Meter(display, 50_000_000, clock=lambda: now)
    for second in range(1, 9):
        now = float(second)
        meter.update(second * 5_000_000)
        meter.update(second * 5_000_000 + 1)  # too soon after the last one to be shown
    assert len(display.updates) == 8
    assert display.updates[-1][:2] == (40_000_000, 50_000_000)
    assert display.updates[-1][2].endswith("40.0 MB of 50.0 MB, 5.0 MB/s, 2 s left")
    now = 9.0
    meter.update(1000)  # it is sent again
    now = 10.0
    meter.update(2000)
    assert display.updates[-1][2].startswith("2.0 kB of 50.0 MB, 1.0 kB/s")


@pytest.mark.parametrize(
    ("seconds", "words"), [(8.4, "8 s"), (125, "2 min 5 s"), (3840, "1 h 4 min")]
)
def test_times_and_sizes_are_words(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words
    assert [format_bytes(count) for count in (9, 1500, 2e9)] == ["9 B", "1.5 kB", "2.0 GB"]


def test_progress_is_silent_unless_somebody_looks(
    monkeypatch: pytest.MonkeyPatch, graft: Graft
) -> None:
    assert isinstance(open_display(False, "x"), SilentDisplay)
    assert isinstance(open_display(True, "x"), SilentDisplay)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert isinstance(open_display(True, "x"), TerminalDisplay)
    own = Recorder()
    assert open_display(own, "x") is own
    assert graft.url in repr(graft)


def test_a_job_is_shown_with_its_progress_and_epochs(graft: Graft, service: Service) -> None:
    progress = (
        b'event: progress\ndata: {"epoch": 1, "epochs": 2, "step": 2, "steps": 9, '
        b'"images_per_second": 41.7, "eta_seconds": 90}\n\n'
    )
    service.answer("GET", "/jobs/job_1/events/stream", stream(progress + event(1) + event(2)))
    service.answer("GET", "/jobs/job_1", as_json(job()))
    display = Recorder()
    Job.read(graft.connection, job(status="queued")).wait(progress=display)
    assert display.updates == [(2, 9, "epoch 1 of 2, 42 images/s, 1 min 30 s left")]
    assert display.epochs == [1, 2]


def test_a_terminal_shows_a_row_for_each_epoch() -> None:
    console = Console(file=io.StringIO(), width=100)
    with TerminalDisplay("Training [pets]", console) as display:
        display.update(1, 9, "epoch 1 of 2")
        display.add_epoch(epochs(1)[0], None)
        display.add_epoch(epochs(1)[0], 0.003)
    assert isinstance(console.file, io.StringIO)
    title, heading, first, second = console.file.getvalue().splitlines()[:4]
    assert title.startswith("Training [pets]")
    assert heading.split()[:2] == ["epoch", "train"]
    assert first.split() == ["1", "0.700", "0.600", "0.500", "0.750*", "0.700", "2.0"]
    assert second.split()[0] == "0.003"


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A module in the place of IPython's; what it has shown last is the last one."""
    shown: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            shown.append(html)

    def display(html: str, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(html)
        return Handle()

    fake: Any = ModuleType("IPython.display")
    fake.HTML, fake.display = str, display
    package: Any = ModuleType("IPython")
    package.display = fake
    package.get_ipython = type("Shell", (), {"kernel": 1})
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    return shown


def test_a_notebook_shows_a_bar_and_curves_that_update(notebook: list[str]) -> None:
    assert isinstance(open_display(True, "x"), NotebookDisplay)
    now = 1.0
    with NotebookDisplay(f"Training {EVIL}", clock=lambda: now) as display:
        display.update(1, 4, "epoch 1 of 2")
        display.update(2, 4, "shown too soon")
        now = 2.0
        display.add_epoch(epochs(1)[0], None)
    assert len(notebook) == 4
    assert "width:25.0%" in notebook[1]
    assert "<svg" in notebook[2]
    assert "shown too soon" in notebook[2]
    assert "done" in notebook[3]
    assert EVIL not in "".join(notebook)
    assert [tags_of(html) for html in notebook]


def test_a_notebook_says_that_the_work_has_stopped(notebook: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt), NotebookDisplay("x"):
        raise KeyboardInterrupt
    assert "stopped" in notebook[-1]


def test_a_dataset_shows_its_counts_and_images(graft: Graft, service: Service) -> None:
    service.answer("GET", "/datasets/ds_1/preview.png", PNG)
    named = dataset(
        name="pets",
        class_names=[EVIL, "dogs"],
        splits={"train": {"num_images": 3, "per_class": {EVIL: 1, "dogs": 2}}},
    )
    html = Dataset.read(graft.connection, named)._repr_html_()
    assert tags_of(html).count("td") == 4
    assert "script" not in tags_of(html)
    assert "data:image/png;base64," in html
    service.answer("GET", "/datasets/ds_1/preview.png", Answer(b"", 500))
    assert "img" not in tags_of(Dataset.read(graft.connection, named)._repr_html_())


def test_a_job_shows_its_status_and_curves(graft: Graft, service: Service) -> None:
    rows = [one.model_dump() for one in epochs(3)]
    service.answer("GET", "/jobs/job_1/history", as_json({"data": rows}))
    config = {"model_name": EVIL, "strategy": "fine_tune", "architecture": "resnet18"}
    html = Job.read(graft.connection, job(config=config, status="running"))._repr_html_()
    assert tags_of(html).count("svg") == 2
    assert "script" not in tags_of(html)
    assert "fine_tune resnet18" in html
    assert "epoch 2 of 2" in html
    assert "0.900 (balanced 0.850) in epoch 2" in html
    queued = Job.read(graft.connection, job(status="queued", started_at=None))
    assert "svg" not in tags_of(queued._repr_html_())
    assert len(service.received) == 1


def test_curves_are_drawn_over_epochs() -> None:
    svg = curves_svg(epochs(3))
    (first, *_), (train, val, *_) = (
        re.findall(r'points="([^"]+)"', svg)[:1],
        re.findall(r'points="([^"]+)"', svg),
    )
    assert first == train
    assert [point.split(",")[0] for point in val.split()] == ["34.0", "173.0", "312.0"]
    broken = [Epoch.model_validate(EPOCH | {"val_loss": float("nan")})]
    assert "nan" not in "".join(re.findall(r'points="([^"]*)"', curves_svg(broken)))
    assert curves_svg([]) == ""


def test_a_long_history_shows_its_last_rows() -> None:
    history = History(epochs(MAX_ROWS + 5))
    html = history._repr_html_()
    assert tags_of(html).count("tr") == MAX_ROWS + 1
    assert "5 earlier epochs are not shown" in html
    assert "<td>0.750</td><td>0.700</td>" in html
    assert repr(history) == "<History of 55 epochs, best 55: val_accuracy 0.750>"
    assert repr(History([])) == "<History of 0 epochs>"
    assert [one.epoch for one in history[-2:]] == [54, 55]


def test_a_prediction_shows_ranked_bars() -> None:
    content = PREDICTION | {
        "predictions": [{"label": EVIL, "probability": 0.75}, {"label": "b", "probability": 0.25}],
        "novelty": {"score": 9, "limit": 1, "is_novel": True},
        "prediction_set": {"coverage": 0.9, "labels": [EVIL], "abstained": False},
        "explanation": {"label": "b", "crop": 0.875, "heatmap_png": "iVBORw=="},
        "image": b"\xff\xd8JPEG",
    }
    html = ImagePredictions.model_validate(content)._repr_html_()
    assert re.findall(r"width:([\d.]+)%", html) == ["75.0", "25.0"]
    assert tags_of(html).count("img") == 2
    assert "script" not in tags_of(html)
    assert "unlike anything in training" in html
    assert "90.0% set" in html
    large = ImagePredictions.model_validate(content | {"image": b"\xff\xd8" * 2_000_000})
    assert tags_of(large._repr_html_()).count("img") == 1


def test_a_report_shows_the_worst_classes_first() -> None:
    written = JobReportView(**dict(make_report()), job_id="job_1").model_dump(mode="json")
    html = Report.model_validate(written)._repr_html_()
    assert html.index("ants") < html.index("bees")
    assert "0.750 (0.300-0.950)" in html
    assert "Warning: The validation accuracy is far lower." in html
    assert tags_of(html)


def test_advice_and_models_are_tables(graft: Graft) -> None:
    advice = Advice.model_validate(ServiceAdvice.model_validate(ADVICE).model_dump(mode="json"))
    assert "partial" in advice._repr_html_()
    assert advice.reason in repr(advice)
    pets = Model.read(graft.connection, model())
    assert tags_of(pets._repr_html_()).count("tr") == 3
    assert "<td>0.900</td><td>0.850</td>" in pets._repr_html_()
