"""Settings of torch that make a run repeatable."""

import torch


def make_repeatable(num_threads: int) -> None:
    """Make torch add in the same order in every run.

    Runs on the CPU are then bit-identical; some CUDA kernels have no deterministic version.
    """
    torch.set_num_threads(num_threads)
    # `use_deterministic_algorithms` would import torch's compiler; `app.processes.forking` sets the
    # variable that makes the compiler's own code deterministic.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
    # A debugging aid that costs time: every new tensor would be filled with NaN first.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 -- untyped
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
