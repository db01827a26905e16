"""Notify workers through Celery that a queue may have work."""

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from celery import Celery

WAKE_UP_TASK = "worker.take_next"
QUEUES = ("cpu", "predict", "train")
"""`cpu`: uploads, exports, advice; `predict`: batches, evaluations, int8; `train`: training."""


class Notifier(Protocol):
    """Notifies the workers of a queue. Notifications are empty and may be lost, doubled or late."""

    def notify(self, queue: str) -> None: ...


class CeleryNotifier:
    """Notifies by sending a Celery task by its name."""

    def __init__(self, broker_url: str, *, expires_seconds: float) -> None:
        self.broker_url = broker_url
        self.expires_seconds = expires_seconds
        self._celery: Celery | None = None
        self._lock = threading.Lock()

    def notify(self, queue: str) -> None:
        """Send one wake-up task; raises the errors of the broker's client."""
        with self._lock:
            from celery import Celery  # noqa: PLC0415 - slow to import, and not always needed

            celery = self._celery or Celery(broker=self.broker_url, set_as_current=False)
            celery.conf.update(celery_settings(self.broker_url))
            self._celery = None  # a client that has failed is not used again
            celery.send_task(
                WAKE_UP_TASK,
                queue=queue,
                expires=self.expires_seconds,
                ignore_result=True,
                retry=False,
            )
            self._celery = celery

    def close(self) -> None:
        with self._lock:
            if self._celery:
                self._celery.close()
                self._celery = None


def celery_settings(broker_url: str) -> dict[str, object]:
    """Return the Celery settings that the API and the workers share.

    The Redis timeouts matter: the client's defaults wait for ever on a half-open connection.
    """
    settings: dict[str, object] = {
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_default_queue": QUEUES[0],
        "task_create_missing_queues": True,
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 5,
    }
    if broker_url.startswith(("redis://", "rediss://")):
        settings |= {
            "worker_disable_prefetch": True,
            "redis_socket_timeout": 5.0,
            "redis_socket_connect_timeout": 5.0,
            "redis_socket_keepalive": True,
            "broker_transport_options": {
                "socket_timeout": 5,
                "socket_connect_timeout": 5,
                "socket_keepalive": True,
                "health_check_interval": 5,
            },
        }
    return settings
