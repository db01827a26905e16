"""Measure the time and memory of one batch of a job, with random images."""

import torch

from app.ml.models.catalogue import get_architecture
from app.ml.runtime.device import choose_device
from app.storage import LocalStorage
from app.validation.dry_run_schemas import DryRun, DryRunRequest
from worker.advice.cost import Rates
from worker.advice.timing import TrainingTimer
from worker.analysis_config import AnalysisConfig
from worker.training.data import find_largest_batch
from worker.training.dry_run import StepDryRun
from worker.training.footprint import PeakMemory, count_available_bytes
from worker.training.memory import find_fitting_batch_size
from worker.training.repeatable import make_repeatable
from worker.training.starting_model import start_model


def dry_run(config: AnalysisConfig, question: DryRunRequest) -> DryRun:
    """Build the model as the job would and run one batch of training and one of validation.

    Layers that run once run in the engine that the job would choose.
    Where the batch does not fit into memory, the figures are those of the largest batch found that
    fits. Raises what `start_model` raises, and DeviceUnavailable.
    """
    recipe = question.recipe
    device = choose_device(config.device)
    make_repeatable(recipe.num_threads)
    available = count_available_bytes(device)
    peak = PeakMemory(device)
    model, header = start_model(config.train(recipe), LocalStorage(config.storage_dir))
    step = StepDryRun(model.to(device), recipe, num_classes=header.num_classes, device=device)
    rates: dict[int, Rates] = {}
    num_train = config.num_images.get("train", 0)

    def try_batch(size: int) -> None:
        forward_seconds, step_seconds = step.run(find_largest_batch(num_train, size))
        rates[size] = Rates(decoding=0.0, forward=forward_seconds, step=step_seconds)

    try:
        try_batch(recipe.batch_size)
    except (torch.OutOfMemoryError, MemoryError):
        fitting = find_fitting_batch_size(try_batch, recipe.batch_size)
    else:
        fitting = recipe.batch_size
    num_val = config.num_images.get("val", 0)
    timer = TrainingTimer(device, header.num_classes, num_train, num_val, decoding=0.0)
    architecture = get_architecture(recipe.architecture)
    found = timer.time_engine(model, architecture, recipe, rates[fitting]) if fitting else None
    return DryRun(
        device=device.type,
        fits=fitting == recipe.batch_size,
        fitting_batch_size=fitting,
        train_seconds_per_image=found.step if found else None,
        eval_seconds_per_image=found.forward if found else None,
        peak_memory_bytes=peak.num_bytes() if found else None,
        available_memory_bytes=available,
        estimated_seconds=timer.estimate(recipe, found) if found else None,
    )
