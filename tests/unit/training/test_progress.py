from collections.abc import Callable

from worker.protocol import TrainProgress
from worker.training.progress import ProgressReporter


def make_reporter(
    said: list[TrainProgress], *, steps: int, num_images: int, now: Callable[[], float]
) -> ProgressReporter:
    return ProgressReporter(
        said.append, epochs=4, steps=steps, num_images=num_images, last_epoch=2, now=now
    )


def test_progress_is_said_at_most_twice_a_second_and_counts_everything() -> None:
    clock = [0.0]
    said: list[TrainProgress] = []
    reporter = make_reporter(said, steps=5, num_images=50, now=lambda: clock[0])
    for _ in range(10):
        clock[0] += 0.25
        reporter.on_step(10)
    assert [(message.epoch, message.step) for message in said] == [
        (3, 1),
        (3, 3),
        (3, 5),
        (4, 2),
        (4, 4),
    ]
    assert {(message.epochs, message.steps) for message in said} == {(4, 5)}
    assert said[-1].images_per_second == 40
    assert said[-1].eta_seconds == 10 / 40
    assert said[0].eta_seconds == 90 / 40


def test_no_rate_is_told_before_any_time_has_passed() -> None:
    said: list[TrainProgress] = []
    reporter = make_reporter(said, steps=2, num_images=4, now=lambda: 1.0)
    reporter.on_step(2)
    assert (said[0].images_per_second, said[0].eta_seconds) == (None, None)
