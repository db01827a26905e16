"""The people who sign in to the service."""

from typing import Any, Literal

from graft_client.answers import validated
from graft_client.asynchronous.bound import id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.pages import AsyncPages, reader_of
from graft_client.schemas.access import Member


class AsyncMembers:
    """The people of the tenant who sign in; all methods need the scope `admin`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    def list(self) -> AsyncPages[Member]:
        """List members, the newest first."""
        return AsyncPages(self._connection, "/members", reader_of(Member))

    async def change(
        self,
        member: Any,
        *,
        role: Literal["viewer", "trainer", "admin"] | None = None,
        is_disabled: bool | None = None,
    ) -> Member:
        """Change a member's role, or whether they may sign in; it counts within 30 s.

        Raises NotFound, and Conflict for a role that the provider's groups decide.
        """
        body: dict[str, Any] = {"role": role, "is_disabled": is_disabled}
        answer = await self._connection.send(
            "PATCH",
            f"/members/{id_of(member)}",
            json={name: value for name, value in body.items() if value is not None},
        )
        return validated(Member, answer, self._connection.url)
