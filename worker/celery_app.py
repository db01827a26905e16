"""Celery's configuration."""

from celery import Celery

from app.queue import celery_settings
from app.settings import get_settings

settings = get_settings()
app = Celery("graft", broker=settings.celery_broker_url, include=["worker.tasks"])
app.conf.update(celery_settings(settings.celery_broker_url))
app.conf.worker_hijack_root_logger = False
app.conf.worker_proc_alive_timeout = 30.0
