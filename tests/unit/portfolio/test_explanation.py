import pytest

from worker.portfolio.explanation import explain_outcome


@pytest.mark.parametrize(
    ("best_epoch", "before", "after", "told"),
    [
        (0, 0.9, 0.9, "No epoch was better than the solved head on the validation images (0.900)"),
        (3, None, 0.9, "Its best epoch, 3, has a validation accuracy of 0.900."),
        (3, 0.8, 0.9, "It raised the validation accuracy from 0.800 to 0.900 in epoch 3."),
        (
            3,
            0.9,
            0.9 + 1e-16,
            "Epoch 3 has the same validation accuracy as the solved head, 0.900, and",
        ),
    ],
)
def test_what_fine_tuning_brought_is_told(
    best_epoch: int, before: float | None, after: float, told: str
) -> None:
    said = explain_outcome(best_epoch, before=before, after=after, is_stopped=False, is_cut=False)
    assert said.startswith(told)


def test_why_fine_tuning_ended_is_told() -> None:
    stopped = explain_outcome(2, before=0.5, after=0.6, is_stopped=True, is_cut=True)
    assert stopped.endswith(" The job was stopped before the last epoch.")
    cut = explain_outcome(2, before=0.5, after=0.6, is_stopped=False, is_cut=True)
    assert cut.endswith(" because epochs took longer than planned.")
