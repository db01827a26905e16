"""Run work in a fixed number of threads behind a bounded queue."""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

from app.errors import Overloaded, Unavailable
from app.telemetry.metrics import PREDICT_QUEUE_DEPTH, PREDICT_SHED

Item = TypeVar("Item")
Result = TypeVar("Result")


FRESH_SECONDS = 2.0
"""How long a request whose body has not arrived counts as one that is about to be queued."""

_WEIGHT = 0.1
"""Weight of the newest group in the average time of an image."""


class Place:
    """A place in the queue for the images of a request that is being received."""

    def __init__(self, places: dict["Place", float]) -> None:
        self._places = places

    def leave(self) -> None:
        """Give the place up: the images are queued now, or will never be."""
        self._places.pop(self, None)


class Lanes(Generic[Item, Result]):
    """Threads (lanes) that take items from a queue in the order of arrival, in groups of one kind.

    A lane never waits for a group to fill: it takes what is there, and leaves the other lanes their
    share. Cancelling the future of an item that still waits removes it from the queue.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each number and each step
        self,
        num_lanes: int,
        *,
        queue_size: int,
        run: Callable[[Sequence[Item]], Sequence[Result | BaseException]],
        batch_size: int = 1,
        kind: Callable[[Item], Hashable] = lambda _: None,
        prepare: Callable[[], None] = lambda: None,
        max_wait_seconds: float = math.inf,
    ) -> None:
        """Start the threads.

        A request is refused if its images would probably wait longer than `max_wait_seconds`.

        `run` returns a result or an error for each of up to `batch_size` items of one `kind`. What
        `run` raises is the error of all of them. Each thread calls `prepare` once at its start.
        """
        self.queue_size = queue_size
        self.batch_size = batch_size
        self._run = run
        self._kind = kind
        self._prepare = prepare
        self._max_wait_seconds = max_wait_seconds
        self._seconds_per_image = 0.0
        self._places: dict[Place, float] = {}
        self._waiting: dict[Future[Result], Item] = {}
        self._changed = threading.Condition()
        self._is_closed = False
        self._num_running = num_lanes
        self._threads = [
            threading.Thread(target=self._work, name=f"predict-lane-{number}", daemon=True)
            for number in range(num_lanes)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """True while a lane has nothing to do."""
        return not self._waiting and self._num_running < len(self._threads)

    def submit(self, items: Sequence[Item]) -> list[Future[Result]]:
        """Queue all items or none; raises Overloaded if there is no room for all of them."""
        futures: list[Future[Result]] = [Future() for _ in items]
        for future in futures:
            future.add_done_callback(self._remove)
        with self._changed:
            if self._is_closed:
                raise Unavailable("The service is shutting down; try again.")
            self.require_room(len(items))
            self._waiting.update(zip(futures, items, strict=True))
            PREDICT_QUEUE_DEPTH.set(len(self._waiting))
            self._changed.notify(len(items))
        return futures

    @property
    def expected_wait_seconds(self) -> float:
        """How long one more image would wait, by the recent time of an image."""
        num_before = len(self._waiting) + len(self._places)
        return num_before * self._seconds_per_image / len(self._threads)

    @contextmanager
    def expecting(self) -> Iterator[Place]:
        """Keep a place in the queue for a request that is being received; for the event loop.

        Requests that arrive at once would all be admitted without it, because none of them is
        queued before its body is there. A slow one loses its place after FRESH_SECONDS.
        Raises Overloaded if the queue is full, or if the wait would be too long.
        """
        self.require_place()
        place = Place(self._places)
        self._places[place] = time.monotonic()
        try:
            yield place
        finally:
            place.leave()

    def require_place(self) -> None:
        """Raise Overloaded where `expecting` would; for the event loop."""
        now = time.monotonic()
        while self._places and now - self._places[next(iter(self._places))] > FRESH_SECONDS:
            del self._places[next(iter(self._places))]
        self.require_room(1 + len(self._places))
        wait = self.expected_wait_seconds
        if wait > self._max_wait_seconds:
            PREDICT_SHED.labels("wait_too_long").inc()
            raise Overloaded(
                f"Images would wait {wait:.1f} seconds, too long for the deadline; try again.",
                retry_after_seconds=max(1, math.ceil(wait - self._max_wait_seconds)),
            )

    def require_room(self, num_items: int = 1) -> None:
        """Raise Overloaded if so many more items do not fit into the queue."""
        if len(self._waiting) + num_items > self.queue_size:
            PREDICT_SHED.labels("queue_full").inc()
            raise Overloaded(
                f"{len(self._waiting)} of at most {self.queue_size} images wait to be predicted; "
                "try again."
            )

    def close(self) -> None:
        """Cancel the items that wait, finish those that run, end the threads."""
        with self._changed:
            self._is_closed = True
            waiting = list(self._waiting)
            self._changed.notify_all()
        for future in waiting:
            future.cancel()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        self._prepare()
        while True:
            with self._changed:
                self._num_running -= 1
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                self._num_running += 1
                taken = self._take_group()
                PREDICT_QUEUE_DEPTH.set(len(self._waiting))
            group = {f: item for f, item in taken.items() if f.set_running_or_notify_cancel()}
            if group:
                self._run_group(group)

    def _take_group(self) -> dict[Future[Result], Item]:
        """Take the oldest item and others of its kind, at most this lane's share of the queue."""
        share = -(-len(self._waiting) // len(self._threads))
        kind = self._kind(next(iter(self._waiting.values())))
        alike = (future for future, item in self._waiting.items() if self._kind(item) == kind)
        futures = list(islice(alike, min(share, self.batch_size)))
        return {future: self._waiting.pop(future) for future in futures}

    def _run_group(self, group: dict[Future[Result], Item]) -> None:
        results: Sequence[Result | BaseException]
        started_at = time.monotonic()
        try:
            results = self._run(list(group.values()))
        except BaseException as error:  # noqa: BLE001 - the callers that wait get it
            results = [error] * len(group)
        seconds = (time.monotonic() - started_at) / len(group)
        self._seconds_per_image += _WEIGHT * (seconds - self._seconds_per_image)
        for future, result in zip(group, results, strict=True):
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _remove(self, future: Future[Result]) -> None:
        with self._changed:
            was_waiting = self._waiting.pop(future, None) is not None
            PREDICT_QUEUE_DEPTH.set(len(self._waiting))
        if was_waiting:  # cancelled, and no lane will notify those who wait for it
            future.set_running_or_notify_cancel()
