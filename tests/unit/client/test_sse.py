import pytest

from client.sse import Message, parse_messages


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        ("id: 7\nevent: epoch\ndata: {}\n\n", [Message("epoch", "{}", "7")]),
        ("data: one\ndata: two\n\n", [Message("message", "one\ntwo", None)]),
        ("data:no space\n\n", [Message("message", "no space", None)]),
        ("data:  two spaces\n\n", [Message("message", " two spaces", None)]),
        (": ping\n\ndata: x\n\n", [Message("message", "x", None)]),
        ("event: empty\n\ndata: x\n\n", [Message("message", "x", None)]),
        ("retry: 100\ndata: a: b\n\n", [Message("message", "a: b", None)]),
        ("data: x\n\ndata: cut off", [Message("message", "x", None)]),
        ("", []),
    ],
)
def test_events_are_read_as_the_standard_says(stream: str, messages: list[Message]) -> None:
    assert list(parse_messages(stream.split("\n"))) == messages
