"""The Celery application of the workers."""

from celery import Celery
from celery.signals import setup_logging

from app.settings import get_settings
from app.tasks.notifications import celery_settings

settings = get_settings()
app = Celery("graft", broker=settings.celery_broker_url, include=["worker.tasks"])
app.conf.update(celery_settings(settings.celery_broker_url))
app.conf.worker_proc_alive_timeout = 30.0


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery has no types
def _leave_logging_alone(**_: object) -> None:
    """Connect a receiver, which stops Celery from configuring logging; the command did it."""
