"""Explain in plain sentences what a portfolio decided."""

import math
from collections.abc import Sequence

from app.jobs.portfolio_schemas import FineTuningTrial, Portfolio
from app.ml.trust.intervals import Z_95


def explain_candidates(portfolio: Portfolio) -> str:
    """Say which candidate was the best of how many, and how many were skipped."""
    tried = [one for one in portfolio.candidates if one.accuracy is not None]
    skipped = len(portfolio.candidates) - len(tried)
    best = max(tried, key=lambda one: one.accuracy.value if one.accuracy else 0.0)
    accuracy = f"{best.accuracy.value:.3f}" if best.accuracy else ""
    if len(tried) == 1:
        sentence = f"The head on {best.architecture} has a cross-validated accuracy of {accuracy}."
    else:
        sentence = (
            f"{best.architecture} was the best of {len(tried)} backbones, with a cross-validated "
            f"accuracy of {accuracy}."
        )
    if skipped:
        noun = "candidate was" if skipped == 1 else "candidates were"
        sentence += f" {skipped} further {noun} skipped."
    return sentence


def explain_fine_tuning(
    portfolio: Portfolio, *, epochs: int, is_longest: bool, is_forced: bool
) -> str:
    """Say why fine-tuning is planned, and how long."""
    trial = portfolio.trial
    why = (
        f"{_explain_comparison(trial, portfolio.other_trials)}Fine-tuning changed the accuracy of "
        f"{trial.architecture} by {_points(trial.gain.value)} in a trial of "
        f"{_count(trial.epochs, 'epoch')} on held-out training images ({_range(trial)})."
        if trial
        else "Fine-tuning was requested."
        if is_forced
        else "There was no time for a trial of fine-tuning; if no epoch is better than the solved "
        "head, the head is kept."
    )
    room = "which is the longest plan" if is_longest else "which fill the rest of the budget"
    return f"{why} It is planned for {_count(epochs, 'epoch')}, {room}."


def _explain_comparison(trial: FineTuningTrial, others: Sequence[FineTuningTrial]) -> str:
    if not others:
        return ""
    names = " and ".join(f"{one.accuracy:.3f} with {one.architecture}" for one in others)
    return (
        f"Trials of fine-tuning reached {trial.accuracy:.3f} with {trial.architecture}, and "
        f"{names}. "
    )


def explain_no_gain(trial: FineTuningTrial) -> str:
    """Say that fine-tuning is not expected to pay."""
    return (
        f"Fine-tuning changed the accuracy by {_points(trial.gain.value)} in a trial of "
        f"{_count(trial.epochs, 'epoch')} on held-out training images ({_range(trial)}), so it is "
        "not expected to pay; the solved head is kept."
    )


def explain_accurate_enough(accuracy: float) -> str:
    """Say that the head is accurate enough."""
    return (
        f"With an accuracy of {accuracy:.3f}, fine-tuning could gain less than the noise; the "
        "solved head is kept."
    )


def explain_no_time(needed: float, left: float, epochs: int) -> str:
    """Say that the fewest epochs that show a gain do not fit."""
    return (
        f"Fine-tuning for {_count(epochs, 'epoch')} would need {needed:.0f} s, and {left:.0f} s of "
        "the budget were left; the solved head is kept."
    )


def explain_stopped() -> str:
    """Say that a user stopped the job."""
    return "The job was stopped, so the best solved head is kept."


def explain_outcome(
    best_epoch: int, *, before: float | None, after: float, is_stopped: bool, is_cut: bool
) -> str:
    """Say what fine-tuning brought on the validation images, and why it ended."""
    if best_epoch == 0:
        outcome = (
            f"No epoch was better than the solved head on the validation images ({after:.3f}), so "
            "the head is kept."
        )
    elif before is None:
        outcome = f"Its best epoch, {best_epoch}, has a validation accuracy of {after:.3f}."
    elif math.isclose(before, after):
        outcome = (
            f"Epoch {best_epoch} has the same validation accuracy as the solved head, {after:.3f}, "
            "and a lower validation loss."
        )
    else:
        outcome = (
            f"It raised the validation accuracy from {before:.3f} to {after:.3f} in epoch "
            f"{best_epoch}."
        )
    if is_stopped:
        return f"{outcome} The job was stopped before the last epoch."
    if is_cut:
        return f"{outcome} It ended before its last epoch, because epochs took longer than planned."
    return outcome


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _range(trial: FineTuningTrial) -> str:
    error = 100 * (trial.gain.high - trial.gain.low) / (2 * Z_95)
    return f"standard error {error:.1f} points"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
