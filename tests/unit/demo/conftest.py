"""The demo's tests talk to the client tests' small HTTP server."""

from tests.unit.client.conftest import service

__all__ = ["service"]
