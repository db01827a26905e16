"""Stores the epochs of a training and reports them to the supervisor."""

import time
from collections.abc import Callable, Iterable

from torch import Tensor

from app.ml.models import checkpoint
from worker.protocol import EpochRow, EpochsDone, Message
from worker.training.artifacts import Artifacts
from worker.training.fit import EpochResult
from worker.training.loop import PassResult
from worker.training.setup import TrainingSetup
from worker.training.solve import SolvedEpoch
from worker.training.state import TrainerState


class EpochRecorder:
    """Records epochs in rank 0; reports each epoch once its checkpoint is durable.

    state is the state that the training resumes from; start is the validation of the model before
    its first epoch, if that model is the first candidate for the best. solution is the head that
    was solved for, at the start or as the best L2 strength so far.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        artifacts: Artifacts,
        state: TrainerState | None,
        start: PassResult | None,
        send: Callable[[Message], None],
    ) -> None:
        self.solution = setup.head_start
        self._setup = setup
        self._artifacts = artifacts
        self._state = state
        self._start = start
        self._send = send
        self._rows: list[EpochRow] = []
        is_candidate = start is not None and state is None
        self._best_tensors = _copy_weights(setup) if is_candidate else None
        self._saved_at = time.monotonic()

    def record(self, results: Iterable[EpochResult]) -> TrainerState:
        """Record epochs as they are run; return the state after the last of them.

        Short epochs share a checkpoint.
        """
        last_epoch = self._state.epoch if self._state else 0
        keep_every_seconds = self._setup.context.config.keep_every_seconds
        latest: EpochResult | None = None
        for result in results:
            if isinstance(result, SolvedEpoch) and result.is_best:
                self.solution = result.solution
            if result.epoch <= last_epoch:
                continue  # a head is solved for from the first L2 strength on
            if result.is_best:
                self._best_tensors = _copy_weights(self._setup)
            self._rows.append(_describe_epoch(result, self._count_images()))
            latest = result
            if time.monotonic() - self._saved_at >= keep_every_seconds:
                self._save(result)
        if self._rows and latest is not None:
            self._save(latest)
        if self._state is None:
            raise AssertionError("a recipe has at least one epoch")
        return self._state

    def _save(self, result: EpochResult) -> None:
        """Store the best weights first, then the state, then report both."""
        if self._best_tensors is not None:
            best_key = self._artifacts.save_best(result.epoch, self._best_tensors)
        elif self._state is not None:
            best_key = self._state.best_key
        else:
            raise AssertionError("the first epoch is the best so far")
        key, self._state = self._artifacts.save_state(
            self._setup.learner,
            epoch=result.epoch,
            best=result.best,
            best_key=best_key,
            start=self._start,
        )
        self._send(EpochsDone(rows=list(self._rows), state_key=key, best_key=best_key))
        self._rows.clear()
        self._best_tensors = None
        self._saved_at = time.monotonic()

    def _count_images(self) -> int:
        return len(self._setup.splits.train) + len(self._setup.splits.val)


def _copy_weights(setup: TrainingSetup) -> dict[str, Tensor]:
    """Copy the weights that are validated, which may be an average."""
    with setup.learner.evaluated():
        return checkpoint.take_delta(setup.model)


def _describe_epoch(result: EpochResult, num_images: int) -> EpochRow:
    return EpochRow(
        epoch=result.epoch,
        train_loss=result.train.loss,
        train_accuracy=result.train.accuracy,
        val_loss=result.val.loss,
        val_accuracy=result.val.accuracy,
        val_balanced_accuracy=result.val.balanced_accuracy,
        learning_rate=result.learning_rate,
        seconds=result.seconds,
        images_per_second=num_images / result.seconds,
        is_best=result.is_best,
    )
