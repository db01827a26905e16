"""Server-sent events, as a reader sees them (WHATWG HTML, "Server-sent events")."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One event of a stream; id is None where the event carried none."""

    event: str
    data: str
    id: str | None


def parse_messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the events of a stream from its lines (without their ends).

    A blank line ends an event, a line that begins with a colon is a comment, and what the stream
    leaves unfinished at its end is dropped, as the standard says.
    """
    event, data, event_id = "", list[str](), None
    for line in lines:
        if not line:
            if data:
                yield Message(event or "message", "\n".join(data), event_id)
            event, data, event_id = "", [], None
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            event_id = value
