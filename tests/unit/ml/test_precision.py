from pathlib import Path

import pytest
import torch

from app.errors import ValidationFailed
from app.ml.recipe import Precision
from app.ml.runtime import precision
from app.ml.runtime.precision import autocast, choose_precision

CPU = torch.device("cpu")


def with_cpu_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Replace /proc/cpuinfo by this text."""
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(precision, "Path", lambda _: tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("cpu_info", "numbers"),
    [
        ("model name : x\nflags\t\t: fpu avx512f avx512_bf16 vaes\n", "bf16"),
        ("flags : fpu amx_bf16\n", "bf16"),
        ("Features : fp asimd bf16\n", "bf16"),
        ("flags\t\t: fpu avx512f avx2\nbugs : avx512_bf16\n", "fp32"),
        ("", "fp32"),
    ],
)
def test_auto_is_bfloat16_only_on_cpus_that_support_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpu_info: str, numbers: str
) -> None:
    with_cpu_features(monkeypatch, tmp_path, cpu_info)
    assert choose_precision("auto", CPU) == numbers


def test_auto_is_float32_on_an_unknown_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "Path", lambda _: Path("/nowhere/cpuinfo"))
    assert choose_precision("auto", CPU) == "fp32"


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_a_named_precision_does_not_depend_on_the_hardware(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: Precision
) -> None:
    with_cpu_features(monkeypatch, tmp_path, "flags : fpu\n")
    assert choose_precision(wanted, CPU) == wanted


def test_float16_on_the_cpu_raises() -> None:
    with pytest.raises(ValidationFailed) as caught:
        choose_precision("fp16", CPU)
    (problem,) = caught.value.problems
    assert problem.loc == ("precision",)
    assert problem.allowed == ("auto", "bf16", "fp32")


@pytest.mark.parametrize(
    ("capability", "numbers"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")]
)
def test_auto_is_float16_on_older_gpus(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], numbers: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert choose_precision("auto", torch.device("cuda")) == numbers


def test_layers_compute_in_the_chosen_precision() -> None:
    layer, images = torch.nn.Linear(2, 2), torch.zeros(1, 2)
    with autocast("bf16", CPU):
        assert layer(images).dtype is torch.bfloat16
    with autocast("fp32", CPU):
        assert layer(images).dtype is torch.float32
