"""The demo's tests use the HTTP server of the client's tests."""

from tests.unit.client.conftest import service

__all__ = ["service"]
