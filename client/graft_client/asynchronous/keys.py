"""The API keys of the service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from graft_client.answers import validated
from graft_client.asynchronous.bound import id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.pages import AsyncPages, reader_of
from graft_client.schemas.access import ApiKey, CreatedKey


class AsyncKeys:
    """The API keys of the tenant; all methods need the scope `admin`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        name: str,
        *,
        scopes: Sequence[str] | None = None,
        role: Literal["viewer", "trainer", "admin"] | None = None,
        expires_at: datetime | None = None,
    ) -> CreatedKey:
        """Create a key with either scopes or a role; its `key` is shown only once.

        expires_at needs a time zone; without it, the key does not expire.
        """
        body: dict[str, Any] = {"name": name}
        if scopes is not None:
            body["scopes"] = list(scopes)
        if role is not None:
            body["role"] = role
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        answer = await self._connection.send("POST", "/keys", json=body)
        return validated(CreatedKey, answer, self._connection.url)

    def list(self) -> AsyncPages[ApiKey]:
        """List keys, newest first, the revoked ones included."""
        return AsyncPages(self._connection, "/keys", reader_of(ApiKey))

    async def revoke(self, key: Any) -> None:
        """Revoke a key, given as an object or by its id; it ends within 30 s. Raises NotFound."""
        await self._connection.delete(f"/keys/{id_of(key)}")
