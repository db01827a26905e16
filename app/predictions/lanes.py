"""A fixed number of threads behind a bounded queue: what does not fit is refused at once."""

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Generic, TypeVar

from app.errors import Overloaded, Unavailable
from app.telemetry.metrics import PREDICT_QUEUE_DEPTH, PREDICT_SHED

Work = TypeVar("Work")
Result = TypeVar("Result")


class Lanes(Generic[Work, Result]):
    """Threads that work through a queue in the order of arrival, several of a kind at once.

    A lane never waits for company: it takes what is there, and leaves the others their share.
    Cancelling the future of work that still waits takes it out of the queue.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each number and each step
        self,
        num_lanes: int,
        *,
        queue_size: int,
        run: Callable[[Sequence[Work]], Sequence[Result | BaseException]],
        batch_size: int = 1,
        kind: Callable[[Work], Hashable] = lambda _: None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """`run` answers up to `batch_size` works of one `kind`, each with a result or its error.

        What `run` raises is the error of all of them. `prepare` is run once in each thread before
        its first work.
        """
        self.queue_size = queue_size
        self.batch_size = batch_size
        self._run = run
        self._kind = kind
        self._prepare = prepare
        self._waiting: dict[Future[Result], Work] = {}
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
        """Whether a lane has nothing to do."""
        return not self._waiting and self._num_running < len(self._threads)

    def submit(self, works: Sequence[Work]) -> list[Future[Result]]:
        """Queue all of these or none; raises Overloaded when there is no room for all of them."""
        futures: list[Future[Result]] = [Future() for _ in works]
        for future in futures:
            future.add_done_callback(self._forget)
        with self._changed:
            if self._is_closed:
                raise Unavailable("The service is shutting down.")
            self.refuse_when_full(len(works))
            self._waiting.update(zip(futures, works, strict=True))
            PREDICT_QUEUE_DEPTH.set(len(self._waiting))
            self._changed.notify(len(works))
        return futures

    def refuse_when_full(self, num_works: int = 1) -> None:
        """Raise Overloaded when so much more does not fit into the queue."""
        if len(self._waiting) + num_works > self.queue_size:
            PREDICT_SHED.labels("queue_full").inc()
            raise Overloaded("Too many images are waiting to be predicted; try again.")

    def close(self) -> None:
        """Cancel what waits, finish what runs, end the threads."""
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
                taken = self._take()
                PREDICT_QUEUE_DEPTH.set(len(self._waiting))
            group = {f: work for f, work in taken.items() if f.set_running_or_notify_cancel()}
            if group:
                self._answer(group)

    def _take(self) -> dict[Future[Result], Work]:
        """The oldest and others of its kind, no more than this lane's share of what waits."""
        share = -(-len(self._waiting) // len(self._threads))
        kind = self._kind(next(iter(self._waiting.values())))
        alike = (future for future, work in self._waiting.items() if self._kind(work) == kind)
        futures = list(islice(alike, min(share, self.batch_size)))
        return {future: self._waiting.pop(future) for future in futures}

    def _answer(self, group: dict[Future[Result], Work]) -> None:
        results: Sequence[Result | BaseException]
        try:
            results = self._run(list(group.values()))
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
            results = [error] * len(group)
        for future, result in zip(group, results, strict=True):
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _forget(self, future: Future[Result]) -> None:
        with self._changed:
            was_waiting = self._waiting.pop(future, None) is not None
            PREDICT_QUEUE_DEPTH.set(len(self._waiting))
        if was_waiting:  # cancelled, and no lane will tell those who wait for it
            future.set_running_or_notify_cancel()
