from collections.abc import Callable

from worker.protocol import TrainProgress
from worker.training.progress import ProgressReporter


def make_reporter(
    said: list[TrainProgress], *, steps: int, num_images: int, now: Callable[[], float]
) -> ProgressReporter:
    reporter = ProgressReporter(said.append, epochs=4, now=now)
    reporter.train(last_epoch=2, steps=steps, num_images=num_images)
    return reporter


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
    assert {(message.stage, message.epochs, message.steps) for message in said} == {
        ("training", 4, 5)
    }
    assert said[-1].images_per_second == 40
    assert said[-1].eta_seconds == 10 / 40
    assert said[0].eta_seconds == 90 / 40


def test_no_rate_is_told_before_any_time_has_passed() -> None:
    said: list[TrainProgress] = []
    reporter = make_reporter(said, steps=2, num_images=4, now=lambda: 1.0)
    reporter.on_step(2)
    assert (said[0].images_per_second, said[0].eta_seconds) == (None, None)


def test_what_is_prepared_is_told_in_images_before_the_first_epoch() -> None:
    clock = [0.0]
    said: list[TrainProgress] = []
    reporter = ProgressReporter(said.append, epochs=4, now=lambda: clock[0])
    for stage, num_images in (("decoding images", 20), ("running the frozen layers", 40)):
        on_batch = reporter.prepare(stage, num_images)
        for _ in range(2):
            clock[0] += 1.0
            on_batch(10)
    assert [(message.stage, message.step, message.steps) for message in said] == [
        ("decoding images", 10, 20),
        ("decoding images", 20, 20),
        ("running the frozen layers", 10, 40),
        ("running the frozen layers", 20, 40),
    ]
    assert {(message.epoch, message.epochs) for message in said} == {(0, 4)}
    assert [message.eta_seconds for message in said] == [1.0, 0.0, 3.0, 2.0]
    reporter.train(last_epoch=0, steps=3, num_images=30)
    clock[0] += 1.0
    reporter.on_step(15)
    assert (said[-1].epoch, said[-1].step, said[-1].images_per_second) == (1, 1, 15.0)


def test_what_is_measured_is_told_in_images_after_the_last_epoch() -> None:
    clock = [0.0]
    said: list[TrainProgress] = []
    reporter = ProgressReporter(said.append, epochs=4, now=lambda: clock[0])
    reporter.train(last_epoch=4, steps=5, num_images=50)
    on_batch = reporter.conclude("measuring trust", 20)
    clock[0] += 1.0
    on_batch(8)
    assert [(m.stage, m.epoch, m.step, m.steps) for m in said] == [("measuring trust", 4, 8, 20)]
