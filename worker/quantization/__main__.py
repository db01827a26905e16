"""Quantize a version to int8: `python -m worker.quantization`."""

from typing import TYPE_CHECKING, cast

from worker.child_main import run_analysis
from worker.quantization.run import quantize

if TYPE_CHECKING:
    from app.quantization.schemas import QuantizationParameters


def main() -> None:
    """Quantize the version that the configuration on standard input names."""
    run_analysis(
        "worker.quantization",
        lambda config, progress: quantize(
            config, cast("QuantizationParameters", config.question), progress
        ),
    )


if __name__ == "__main__":
    main()
