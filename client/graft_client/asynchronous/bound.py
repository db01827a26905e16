"""Base of the objects with verbs: the fields of a resource, and the connection it came from."""

from typing import Any, Self

from pydantic import PrivateAttr

from graft_client.answers import validated
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.errors import GraftError
from graft_client.schemas.base import Schema

_IDENTITY = ("id", "name", "version")
"""Fields that never change, of those that a resource has."""


class AsyncBound(Schema):
    """A resource that can act, because it knows its connection; equal if all fields are equal."""

    _connection_or_none: AsyncConnection | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__.get(name) for name in _IDENTITY)))

    @classmethod
    def read(cls, connection: AsyncConnection, content: object) -> Self:
        """Return the resource that an answer describes; raises UnexpectedAnswer."""
        resource = validated(cls, content, connection.url)
        resource.bind(connection)
        return resource

    @property
    def _connection(self) -> AsyncConnection:
        if self._connection_or_none is None:
            raise GraftError(
                "NOT_CONNECTED", f"{self!r} does not come from a service; get it from `Graft`."
            )
        return self._connection_or_none

    def bind(self, connection: AsyncConnection) -> None:
        """Let this resource, and those that it contains, act over a connection."""
        self._connection_or_none = connection
        for value in self.__dict__.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, AsyncBound):
                    one.bind(connection)

    def _update(self, content: Any) -> Self:
        """Take over the fields of a newer answer."""
        newer = type(self).read(self._connection, content)
        self.__dict__.update(newer.__dict__)
        return self


def id_of(resource: Any) -> str:
    """Return the id of a resource that is given as an object or by its id."""
    return resource if isinstance(resource, str) else str(resource.id)
