"""A fixed number of threads behind a bounded queue: what does not fit is refused at once."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from app.errors import Overloaded, Unavailable

Result = TypeVar("Result")


class Lanes(Generic[Result]):
    """Threads that work through a queue in the order of arrival.

    Cancelling the future of work that still waits takes it out of the queue.
    """

    def __init__(
        self, num_lanes: int, *, queue_size: int, prepare: Callable[[], None] = lambda: None
    ) -> None:
        """`prepare` is run once in each thread before its first work."""
        self.queue_size = queue_size
        self._prepare = prepare
        self._waiting: dict[Future[Result], Callable[[], Result]] = {}
        self._changed = threading.Condition()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"predict-lane-{number}", daemon=True)
            for number in range(num_lanes)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    def submit(self, works: Sequence[Callable[[], Result]]) -> list[Future[Result]]:
        """Queue all of these or none; raises Overloaded when there is no room for all of them."""
        futures: list[Future[Result]] = [Future() for _ in works]
        for future in futures:
            future.add_done_callback(self._forget)
        with self._changed:
            if self._is_closed:
                raise Unavailable("The service is shutting down.")
            self.refuse_when_full(len(works))
            self._waiting.update(zip(futures, works, strict=True))
            self._changed.notify(len(works))
        return futures

    def refuse_when_full(self, num_works: int = 1) -> None:
        """Raise Overloaded when so much more does not fit into the queue."""
        if len(self._waiting) + num_works > self.queue_size:
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

    def _run(self) -> None:
        self._prepare()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                future = next(iter(self._waiting))
                work = self._waiting.pop(future)
            if future.set_running_or_notify_cancel():
                _finish(future, work)

    def _forget(self, future: Future[Result]) -> None:
        with self._changed:
            was_waiting = self._waiting.pop(future, None) is not None
        if was_waiting:  # cancelled, and no lane will tell those who wait for it
            future.set_running_or_notify_cancel()


def _finish(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits, not to this thread
        future.set_exception(error)
    else:
        future.set_result(result)
