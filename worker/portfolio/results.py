"""What running the backbones of a portfolio brings: measured seconds, features and heads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from app.advice.schemas import Proportion
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Lbfgs, Recipe
from worker.portfolio.plan import EvaluationCost
from worker.training.balance import SolvedHeads
from worker.training.evaluation.expected_accuracy import measure_share, weigh_images
from worker.training.head import Solution


class Interrupted(Exception):
    """The features of a candidate are no longer wanted."""


@dataclass(frozen=True)
class Measurement:
    """Seconds that a candidate still needs, and the cost of the final evaluation with it."""

    seconds: float
    evaluation: EvaluationCost


@dataclass(frozen=True)
class CandidateResult:
    """The features of a backbone on all training images, and the heads on them.

    val_targets, int64 [num_val_images], say how frequent classes are where the model is used.
    """

    architecture: ArchitectureSpec
    recipe: Recipe
    heads: SolvedHeads
    val_targets: Tensor
    evaluation: EvaluationCost

    @property
    def best(self) -> Solution:
        return self.heads.balance.best

    @property
    def solver(self) -> Lbfgs:
        """Return how its heads were solved for."""
        if not isinstance(self.recipe.optimizer, Lbfgs):
            raise TypeError("the heads of candidates are solved for")
        return self.recipe.optimizer

    @property
    def num_strengths_left(self) -> int:
        """Return the number of L2 strengths for which there was no time."""
        return len(self.solver.l2_strengths) - len(self.heads.balance.solutions)

    @property
    def accuracy(self) -> Proportion:
        """Return the cross-validated accuracy of the best head."""
        return measure_accuracy(self.best, self.heads.targets, self.val_targets)


class Runner(Protocol):
    """Runs candidates one after the other."""

    def estimate(self, architecture: ArchitectureSpec) -> float:
        """Estimate the seconds of a candidate from its multiply-adds."""

    def measure(self, architecture: ArchitectureSpec) -> Measurement:
        """Load a candidate and run it on a few images.

        Raises WeightsUnavailable, ValidationFailed, MemoryError or torch.OutOfMemoryError.
        """

    def run(self, has_time: Callable[[float], bool], *, is_first: bool) -> CandidateResult:
        """Run the measured candidate on the other images.

        has_time: whether so many seconds more are left. When they are not, the L2 strengths that
        were solved for have to do. Before there are any, it raises Interrupted, unless this is the
        first candidate, without which there is no model.
        """


def measure_accuracy(solution: Solution, targets: Tensor, val_targets: Tensor) -> Proportion:
    """Return the cross-validated accuracy of a head, with its interval.

    targets: int64 [num_images]. Classes count as often as they are among val_targets.
    """
    if solution.out_of_fold is None or solution.held_out is None:
        raise AssertionError("the head is cross-validated")
    is_right = solution.out_of_fold.argmax(1) == targets
    weights = weigh_images(targets[solution.held_out], val_targets)
    return measure_share(is_right[solution.held_out], weights)
