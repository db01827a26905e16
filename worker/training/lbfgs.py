"""L-BFGS for smooth convex functions of one tensor.

torch has one among its optimizers; loading those takes longer than solving for a whole head.
Source: Nocedal & Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5, with a backtracking
line search (algorithm 3.1), which is enough where the function is convex.
"""

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

_HISTORY_SIZE = 20
_SUFFICIENT_DECREASE = 1e-4
_SHRINK = 0.5
_SMALLEST_STEP = 1e-10

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A point to the value there, a scalar, and the gradient, of the point's shape."""


def minimize(
    objective: Objective, start: Tensor, *, gradient_tolerance: float, max_iterations: int
) -> Tensor:
    """The point where the gradient's largest entry is below the tolerance.

    start: float64 of any shape. Ends earlier where rounding allows no more progress.
    """
    point = start
    value, gradient = objective(point)
    history: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=_HISTORY_SIZE)
    for _ in range(max_iterations):
        if gradient.abs().max() <= gradient_tolerance:
            break
        direction = _apply_inverse_hessian(gradient, history).neg()
        slope = (gradient * direction).sum()
        step = 1.0 if history else float(1.0 / gradient.abs().sum().clamp_min(1.0))
        while True:
            candidate = point + step * direction
            new_value, new_gradient = objective(candidate)
            if new_value <= value + _SUFFICIENT_DECREASE * step * slope:
                break
            step *= _SHRINK
            if step < _SMALLEST_STEP:
                return point
        move, change = candidate - point, new_gradient - gradient
        curvature = (move * change).sum()
        if curvature > 0:
            history.append((move, change, 1.0 / curvature))
        point, value, gradient = candidate, new_value, new_gradient
    return point


def _apply_inverse_hessian(
    gradient: Tensor, history: deque[tuple[Tensor, Tensor, Tensor]]
) -> Tensor:
    """The two-loop recursion: the gradient times the approximate inverse of the Hessian."""
    result = gradient.clone()
    shares: list[Tensor] = []
    for move, change, inverse_curvature in reversed(history):
        share = inverse_curvature * (move * result).sum()
        shares.append(share)
        result -= share * change
    if history:
        move, change, _ = history[-1]
        result *= (move * change).sum() / change.square().sum()
    for (move, change, inverse_curvature), share in zip(history, reversed(shares), strict=True):
        result += move * (share - inverse_curvature * (change * result).sum())
    return result


def softmax_regression(inputs: Tensor, targets: Tensor, l2_strength: float) -> Objective:
    """The mean cross-entropy of softmax(inputs @ fit.T), plus the penalty on all but its biases.

    inputs: float64 [num_images, num_features + 1], the last column ones; targets: int64
    [num_images]; the objective is of a fit, float64 [num_classes, num_features + 1].
    """
    rows = torch.arange(len(targets), device=targets.device)

    def objective(fit: Tensor) -> tuple[Tensor, Tensor]:
        log_probabilities = torch.log_softmax(inputs @ fit.T, 1)
        value = -log_probabilities[rows, targets].mean()
        error = log_probabilities.exp()
        error[rows, targets] -= 1.0
        penalty = l2_strength * fit
        penalty[:, -1] = 0.0
        gradient = error.T @ inputs / len(targets) + penalty
        return value + (penalty * fit).sum() / 2, gradient

    return objective
