"""The brackets of Hyperband: how many there are, and which one a configuration belongs to.

Source: Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", 2018.
"""

from collections.abc import Sequence


def list_bracket_sizes(*, min_epochs: int, reduction_factor: int, epochs: int) -> list[int]:
    """Return the number of configurations of each bracket in one round of Hyperband.

    Bracket b first compares its runs after min_epochs * reduction_factor**b epochs, so the first
    one stops the most runs, and the last one hardly any.
    """
    number = 1
    while min_epochs * reduction_factor**number <= epochs:
        number += 1
    return [-(-number * reduction_factor**s // (s + 1)) for s in reversed(range(number))]


def choose_bracket(number: int, sizes: Sequence[int]) -> int:
    """Return the bracket, from 0, of the configuration with a number, from 1.

    Of any first configurations each bracket has its share, as nearly as possible, so that a search
    that is shorter than a round has all brackets (smooth weighted round robin).
    """
    credits_ = [0] * len(sizes)
    chosen = 0
    for _ in range(number):
        credits_ = [credit + size for credit, size in zip(credits_, sizes, strict=True)]
        chosen = max(range(len(sizes)), key=lambda bracket: credits_[bracket])
        credits_[chosen] -= sum(sizes)
    return chosen
