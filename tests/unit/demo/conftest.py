"""The demo's tests use the HTTP server and the connection of the client's tests."""

from tests.unit.client.conftest import graft, service

__all__ = ["graft", "service"]
