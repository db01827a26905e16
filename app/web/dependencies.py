"""What routes ask for: sessions, storage, settings, a page of a list."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage


@dataclass(frozen=True)
class Services:
    """What lives as long as the application.

    find_broker_error tells what the broker's client last complained of, if it still does; is_warm
    whether predicting has begun; find_model_error why the chosen model cannot answer, if so.
    """

    settings: Settings
    database: Database
    storage: LocalStorage
    find_broker_error: Callable[[], str | None]
    is_warm: Callable[[], bool]
    find_model_error: Callable[[], str | None]


def get_services(request: Request) -> Services:
    """What the application that answers this request was started with."""
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


# scope="function" ends the transaction before the answer leaves: a 202 is never a lie.
SessionDep = Annotated[Session, Depends(_transaction, scope="function")]
ReadSessionDep = Annotated[Session, Depends(_reading, scope="function")]


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list is asked for."""

    limit: int
    after: str | None


def _page(
    limit: Annotated[int, Query(ge=1, le=1000, description="Entries on a page.")] = 20,
    after: Annotated[
        str | None,
        Query(max_length=64, pattern=r"^[\w.-]+$", description="The last id of the page before."),
    ] = None,
) -> PageRequest:
    return PageRequest(limit, after)


PageDep = Annotated[PageRequest, Depends(_page)]
