"""torch's settings that make a run repeatable."""

import torch


def make_repeatable(num_threads: int) -> None:
    """Fix what the order of additions depends on.

    On the CPU a run then repeats to the last bit; some of CUDA's kernels have no such version.
    """
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=torch.cuda.is_available())
    # A debugging aid that costs time: every new tensor would be filled with NaN first.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 -- untyped
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
