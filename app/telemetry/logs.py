"""Configure logging: one line per record, as text or JSON, with the record's context.

`bind` and `bound` set context fields such as a request's or a work item's id. Every later record of
the same task or thread has them, including those of threads that run its routes.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]

_names: ContextVar[Mapping[str, str]] = ContextVar("names", default=MappingProxyType({}))


def bind(**names: str) -> None:
    """Add fields to every record until the end of this task or thread."""
    _names.set({**_names.get(), **names})


@contextmanager
def bound(**names: str) -> Iterator[None]:
    """Add fields to every record of a block."""
    token = _names.set({**_names.get(), **names})
    try:
        yield
    finally:
        _names.reset(token)


class NameFilter(logging.Filter):
    """Add the current context fields to a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.names = _names.get()
        return True


class TextFormatter(logging.Formatter):
    """Format a record as time, level, logger and message, then its context fields."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base's name
        names: Mapping[str, str] = record.__dict__.get("names", {})
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value}" for name, value in names.items())]
        )


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON object per line.

    Its fields are time (RFC 3339, UTC), level, logger, message, the context fields, the fields of
    `extra={"fields": …}`, and `exception` if there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **record.__dict__.get("names", {}),
            **record.__dict__.get("fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def make_handler(stream: TextIO, log_format: LogFormat) -> logging.Handler:
    """Return a handler that writes records to a stream in this format."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(NameFilter())
    return handler


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Write every record of this process and its libraries to stderr in one format."""
    logging.basicConfig(level=level.upper(), handlers=[make_handler(sys.stderr, log_format)])
    logging.captureWarnings(capture=True)
    for logger in ("alembic", "celery", "httpx"):
        logging.getLogger(logger).setLevel(logging.WARNING)
