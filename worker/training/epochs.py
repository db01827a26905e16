"""Run the epochs of a training, in each of its processes."""

from collections.abc import Callable, Iterator

from app.ml.recipe import Lbfgs
from worker.training.fit import Best, EpochResult, fit
from worker.training.loop import PassResult, eval_pass
from worker.training.setup import TrainingSetup
from worker.training.solve import solve
from worker.training.state import TrainerState


def evaluate_start(setup: TrainingSetup, state: TrainerState | None) -> PassResult | None:
    """Validate the model before its first epoch, if its head was solved for.

    That model is the first candidate for the best. A resumed training has the result in its state.
    """
    if setup.recipe.head_start != "linear_probe":
        return None
    if state is not None:
        return state.start
    world_size = setup.learner.group.world_size
    on_batch = setup.context.progress.prepare("evaluating the solved head", len(setup.splits.val))
    return eval_pass(
        setup.learner,
        setup.feed.val_batches(),
        lambda num_images: on_batch(num_images * world_size),
    )


def run_epochs(
    setup: TrainingSetup,
    *,
    state: TrainerState | None,
    start: PassResult | None,
    should_stop: Callable[[], bool],
) -> Iterator[EpochResult]:
    """Run the epochs after a state, or all of them, and yield their results.

    start is what `evaluate_start` returned. A head that is solved for starts again from the first
    L2 strength.
    """
    recipe, learner, progress = setup.recipe, setup.learner, setup.context.progress
    group, balance = learner.group, setup.balance
    last_epoch = state.epoch if state else 0
    progress.train(
        last_epoch=last_epoch,
        steps=setup.feed.num_train_batches + setup.feed.num_val_batches,
        num_images=len(setup.splits.train) + len(setup.splits.val),
    )
    if isinstance(recipe.optimizer, Lbfgs) and setup.activations is not None:
        return solve(
            recipe.optimizer,
            setup.activations,
            setup.set_head,
            num_classes=setup.images.num_classes,
            class_weights=learner.objective.class_weights,
            should_stop=should_stop,
            on_step=progress.on_step,
            path=balance.solutions if balance else None,
        )
    first = Best(epoch=0, score=start.accuracy, loss=start.loss) if start else None
    return fit(
        recipe,
        learner,
        setup.feed,
        layers=setup.layers,
        last_epoch=last_epoch,
        best=state.best if state else first,
        should_stop=lambda: group.broadcast_flag(should_stop(), learner.device),
        on_step=lambda num_images: progress.on_step(num_images * group.world_size),
    )
