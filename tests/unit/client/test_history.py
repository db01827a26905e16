"""Histories and reports as tables and charts; pandas and matplotlib are optional."""

import sys
from typing import Any

import pytest
from matplotlib import pyplot as plt

from graft_client.errors import MissingDependency
from graft_client.history import History
from graft_client.images import encode_image
from graft_client.optional import require
from graft_client.schemas.jobs import Epoch
from tests.unit.client.answers import EPOCH


@pytest.fixture
def history() -> History:
    return History([Epoch.model_validate(EPOCH | {"epoch": number}) for number in (1, 2)])


def test_a_history_is_a_table_of_pandas(history: History) -> None:
    frame = history.to_pandas()
    assert list(frame.index) == [1, 2]
    assert list(frame["val_accuracy"]) == [0.75, 0.75]
    assert list(frame["val_balanced_accuracy"]) == [0.7, 0.7]
    assert list(History([]).to_pandas().index) == []
    assert history.to_dicts()[1]["epoch"] == 2


def test_two_histories_are_drawn_in_one_figure(history: History) -> None:
    axes = history.plot(label="pretrained")
    again = history.plot(label="from scratch", axes=axes)
    assert again is axes
    assert [len(axis.get_lines()) for axis in axes] == [2, 2]
    assert list(axes[0].get_lines()[0].get_ydata()) == [0.75, 0.75]
    legend = axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["pretrained", "from scratch"]
    plt.close(axes[0].figure)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("pandas", lambda history: history.to_pandas()),
        ("matplotlib", lambda history: history.plot()),
    ],
)
def test_a_missing_package_is_an_error_that_says_what_to_install(
    history: History, package: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match=f"pip install {package}") as raised:
        call(history)
    assert isinstance(raised.value, ImportError)


def test_a_package_is_named_as_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingDependency, match="pip install pillow"):
        require("PIL.Image", "to_pil()")
    assert encode_image(b"bytes need no package") == ("image", b"bytes need no package")
