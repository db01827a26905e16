"""Settings of torch that make a run repeatable."""

import torch


def make_repeatable(num_threads: int) -> None:
    """Fix everything that the order of additions depends on.

    A run on the CPU then repeats to the last bit; some CUDA kernels have no deterministic version.
    """
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=torch.cuda.is_available())
    # A debugging aid that costs time: every new tensor would be filled with NaN first.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 -- untyped
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
