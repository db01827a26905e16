"""The address of the service."""

import os

LOCAL = "http://127.0.0.1:8000"
"""Where `graft up` runs the service by default."""


def default_address() -> str:
    """Return the value of the variable GRAFT_URL, else the address of a service on this machine."""
    return os.environ.get("GRAFT_URL") or LOCAL
