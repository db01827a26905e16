"""FastAPI dependencies: sessions, storage, settings and pagination."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from app.db.session import Database
from app.settings import Settings
from app.space import Space
from app.storage import LocalStorage
from app.web.text import TEXT_PATTERN


@dataclass(frozen=True)
class Services:
    """The objects that live as long as the application.

    space is that of storage and database. find_broker_error returns the kind of the broker's
    current error, or None. find_model_error returns the reason why the chosen model is not loaded,
    or None. is_warm returns whether the chosen model's warm-up is over.
    """

    settings: Settings
    database: Database
    storage: LocalStorage
    space: Space
    find_broker_error: Callable[[], str | None]
    is_warm: Callable[[], bool]
    find_model_error: Callable[[], str | None]


def get_services(request: Request) -> Services:
    """Return the services of the application."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]


def _settings(services: ServicesDep) -> Settings:
    return services.settings


def _database(services: ServicesDep) -> Database:
    return services.database


def _storage(services: ServicesDep) -> LocalStorage:
    return services.storage


SettingsDep = Annotated[Settings, Depends(_settings)]
DatabaseDep = Annotated[Database, Depends(_database)]
StorageDep = Annotated[LocalStorage, Depends(_storage)]


def _transaction(database: DatabaseDep) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


def _reading(database: DatabaseDep) -> Iterator[Session]:
    with database.reading() as session:
        yield session


# scope="function" commits before the response is sent, so that a failed commit is not a 202.
SessionDep = Annotated[Session, Depends(_transaction, scope="function")]
ReadSessionDep = Annotated[Session, Depends(_reading, scope="function")]


def _require_space(request: Request, services: ServicesDep) -> None:
    declared = request.headers.get("content-length", "")
    services.space.require(int(declared) if declared.isdecimal() else 0)


NEEDS_SPACE = Depends(_require_space)
"""For routes that store something or queue work: 507 before the body of an upload is read."""


@dataclass(frozen=True)
class PageRequest:
    """The requested page of a list."""

    limit: int
    after: str | None


def _page(
    limit: Annotated[int, Query(ge=1, le=1000, description="Number of entries on a page.")] = 20,
    after: Annotated[
        str | None,
        Query(max_length=64, pattern=r"^[\w.-]+$", description="The last id of the previous page."),
    ] = None,
) -> PageRequest:
    return PageRequest(limit, after)


PageDep = Annotated[PageRequest, Depends(_page)]

SearchText = Annotated[
    str | None,
    Query(
        alias="q",
        max_length=63,
        pattern=TEXT_PATTERN,
        description="Only entries whose name contains this text, or whose id starts with it; upper "
        "and lower case are the same.",
        examples=["ants"],
    ),
]
