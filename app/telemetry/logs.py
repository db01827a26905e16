"""How this process logs: one line a record, as text or JSON, with what the record belongs to.

A request or a work item names itself once with `bind` or `bound`; every record that is logged on
its behalf then carries those names, in the threads of its routes too.
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
    """Put these names on every record from here to the end of this task or thread."""
    _names.set({**_names.get(), **names})


@contextmanager
def bound(**names: str) -> Iterator[None]:
    """Put these names on every record of a block."""
    token = _names.set({**_names.get(), **names})
    try:
        yield
    finally:
        _names.reset(token)


class NameFilter(logging.Filter):
    """Put the names of the moment on a record, as its `names`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.names = _names.get()
        return True


class TextFormatter(logging.Formatter):
    """Time, level, logger and message, then the names."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base's name
        names: Mapping[str, str] = record.__dict__.get("names", {})
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value}" for name, value in names.items())]
        )


class JsonFormatter(logging.Formatter):
    """One object a line.

    time (RFC 3339, UTC), level, logger, message; the names; what the record was given as
    `extra={"fields": …}`; `exception` where there is one.
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
    """What writes records to a stream in this form."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(NameFilter())
    return handler


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Send every record of this process, its libraries' included, to stderr in one form."""
    logging.basicConfig(level=level.upper(), handlers=[make_handler(sys.stderr, log_format)])
    logging.captureWarnings(capture=True)
    for talkative in ("alembic", "celery", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
