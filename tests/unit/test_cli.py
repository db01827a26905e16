"""What the commands hand to the servers they run."""

import socket

from app.cli import inherit_listener


def test_an_inherited_listener_keeps_its_family() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inherited = inherit_listener(listener.fileno())
        assert inherited.family is socket.AF_INET
        assert inherited.getsockname() == listener.getsockname()
        inherited.detach()
