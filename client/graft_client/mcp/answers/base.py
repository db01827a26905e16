"""Base of the tools' answers, which are short: assistants pay for every word."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from graft_client.asynchronous.pages import AsyncPages

MAX_NAMES = 50
"""Largest number of class names in an answer."""

ItemT = TypeVar("ItemT")


class Answer(BaseModel):
    """A typed answer of a tool, or a part of one."""

    model_config = ConfigDict(frozen=True)


async def take_page(pages: AsyncPages[ItemT], limit: int) -> tuple[Sequence[ItemT], bool]:
    """Return the first items of a list, and whether there are more."""
    found = await pages.take(limit + 1)
    return found[:limit], len(found) > limit
