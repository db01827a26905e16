# Written by graft_client.sync_generator from asynchronous/pages.py: change that file.
"""Lists of the service as iterators that fetch one page after the other."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from graft_client.answers import SchemaT, read_rows, validated
from graft_client.synchronous.connection import Connection

ItemT = TypeVar("ItemT")

PAGE_SIZE = 100


class Pages(Generic[ItemT]):
    """A list of the service, in its order; a page is fetched when the iteration reaches it.

    Each iteration starts again at the first page.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        read: Callable[[Connection, Any], ItemT],
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Parameters that are None are left out."""
        self._connection = connection
        self._path = path
        self._read = read
        self._params = {name: one for name, one in (params or {}).items() if one is not None}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._path}>"

    def __iter__(self) -> Iterator[ItemT]:
        return self._iterate(PAGE_SIZE)

    def take(self, count: int) -> list[ItemT]:
        """Return the first `count` items, or fewer if there are no more."""
        found: list[ItemT] = []
        for item in self._iterate(min(count, PAGE_SIZE)):
            found.append(item)
            if len(found) >= count:
                break
        return found

    def all(self) -> list[ItemT]:
        """Return all items."""
        return [item for item in self]

    def first(self) -> ItemT | None:
        """Return the first item, None if there is none."""
        return next(iter(self.take(1)), None)

    def _iterate(self, page_size: int) -> Iterator[ItemT]:
        params = {"limit": page_size} | self._params
        while True:
            page = self._connection.get(self._path, params=params)
            for row in read_rows(page, self._connection.address_of(self._path)):
                yield self._read(self._connection, row)
            if not page.get("has_more") or page.get("last_id") is None:
                return
            params["after"] = page["last_id"]


def reader_of(schema: type[SchemaT]) -> Callable[[Connection, Any], SchemaT]:
    """Return a function that reads a row as an object without verbs."""
    return lambda connection, row: validated(schema, row, connection.url)
