"""The loop of a worker: claim the items of a queue one after the other and run them."""

import logging
import threading
import time
from contextlib import ExitStack
from uuid import uuid4

from opentelemetry.trace import SpanKind
from sqlalchemy.exc import InterfaceError, OperationalError

from app.db.session import Database
from app.db.tenancy import acting_for
from app.settings import Settings
from app.space import Space
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.dispatcher import Dispatcher
from app.tasks.notifications import CeleryNotifier
from app.tasks.service import Lease
from app.telemetry.logs import bound
from app.telemetry.tracing import context_of, get_tracer, tracing
from worker.child import Command
from worker.kinds import begin, make_kinds
from worker.postponed import Postponed
from worker.pruning import prune
from worker.reaper import Reaper
from worker.recorder import Recorder
from worker.searches import ask_for_trials
from worker.spawning import prepare
from worker.supervisor import supervise
from worker.sweeper import sweep

SWEEP_EVERY_SECONDS = 3600.0
SECONDS_A_DAY = 24 * 3600.0

log = logging.getLogger(__name__)


class WorkerLoop:
    """Runs one item at a time; starts at a notification, and polls in case none arrives."""

    def __init__(self, settings: Settings, queue: str) -> None:
        self.settings = settings
        self.queue = queue
        self.owner = str(uuid4())
        self.database = Database(settings.sqlalchemy_url, abandoned_seconds=settings.lease_seconds)
        self.storage = LocalStorage(settings.storage_dir)
        self.space = Space.of(settings)
        self.kinds = make_kinds(settings, self.storage)
        self.notifier = CeleryNotifier(
            settings.celery_broker_url, expires_seconds=settings.notify_seconds
        )
        self.dispatcher = Dispatcher(
            self.database, self.notifier, every_seconds=settings.notify_seconds
        )
        self.database.on_commit = self.dispatcher.notify
        self.reaper = Reaper(
            self.database,
            self.kinds,
            self.storage,
            lease_seconds=settings.lease_seconds,
        )
        self._postponed = Postponed()
        self._shortage: str | None = None
        self._tracing = ExitStack()
        self._busy = threading.Lock()
        self._draining = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="poller", daemon=True)

    def start(self) -> None:
        self._tracing.enter_context(tracing(self.settings, "graft-worker"))
        self._has_space()
        self.dispatcher.start()
        self.reaper.start()
        self._poller.start()
        log.info("worker %s serves the queue %s", self.owner, self.queue)

    def drain(self) -> None:
        """Claim nothing more, and requeue the item that is running."""
        self._draining.set()

    def close(self) -> None:
        self.drain()
        self._poller.join(timeout=self.settings.drain_seconds + 5)
        self.reaper.close()
        self.dispatcher.close()
        self.notifier.close()
        self.database.close()
        self._tracing.close()

    def take_work(self) -> None:
        """Run items until none can be claimed; return at once if this worker is busy."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            prepare()
            while not self._draining.is_set() and self._has_space() and self._work_once():
                pass
        except (OperationalError, InterfaceError) as error:
            log.warning("the database does not respond: %s", error.orig)
        except Exception:  # one item's error must not stop the worker
            log.exception("unexpected error; the reaper will end the lease")
        finally:
            self._busy.release()

    def _has_space(self) -> bool:
        """Return whether work may be claimed; log when that changes."""
        shortage = self.space.find_shortage()
        if shortage and not self._shortage:
            log.warning("the queue %s waits: %s", self.queue, shortage)
        if self._shortage and not shortage:
            log.info("the queue %s goes on: there is free space again", self.queue)
        if not shortage:
            self.space.keep_reserve()
        self._shortage = shortage
        return shortage is None

    def _work_once(self) -> bool:
        if self.queue == "train":
            ask_for_trials(self.database, self.settings)
        waiting = self._postponed.list_waiting()
        with self.database.transaction() as session:
            lease = work.claim(
                session, self.queue, self.owner, settings=self.settings, postponed=waiting
            )
            if lease is None:
                return False
            with acting_for(lease.tenant):
                command, unreferenced = begin(self.kinds, session, lease)
                session.flush()
        for key in unreferenced:
            self.storage.delete(key)
        if command is not None:
            with bound(work_item=lease.item_id, subject=lease.subject_id):
                self._attempt(lease, command)
        return True

    def _attempt(self, lease: Lease, command: Command) -> None:
        log.info("%s: attempt %s begins", lease.subject_id, lease.attempt)
        recorder = Recorder(self.database, self.storage, lease, self.kinds, self.settings)
        with get_tracer().start_as_current_span(
            f"work {lease.kind}",
            context=context_of(lease.trace_parent),
            kind=SpanKind.CONSUMER,
            attributes={
                "graft.kind": lease.kind,
                "graft.subject": lease.subject_id,
                "graft.work_item": lease.item_id,
                "graft.attempt": lease.attempt,
            },
            record_exception=False,
        ) as attempt:
            supervise(command, recorder, self._draining, self.settings)
            attempt.set_attribute("graft.outcome", recorder.outcome)
        if recorder.lacks_space:
            self._postponed.postpone(lease.item_id)
        else:
            self._postponed.forget(lease.item_id)
        log.info("%s: attempt %s: %s", lease.subject_id, lease.attempt, recorder.outcome)

    def _poll(self) -> None:
        next_sweep = time.monotonic()
        while not self._draining.wait(self.settings.idle_poll_seconds):
            self.take_work()
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + SWEEP_EVERY_SECONDS
                self._sweep()

    def _sweep(self) -> None:
        try:
            prune(self.database, self.storage, self.settings)
            age = self.settings.keep_unreferenced_files_days * SECONDS_A_DAY
            sweep(self.database, self.storage, min_age_seconds=age)
        except (OperationalError, InterfaceError, OSError) as error:
            log.warning("cannot delete old rows and files: %s", error)
