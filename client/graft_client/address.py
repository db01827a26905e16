"""The address of the service, and the key for it."""

import os

LOCAL = "http://127.0.0.1:8000"
"""Where `graft up` runs the service by default."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def default_address() -> str:
    """Return the value of the variable GRAFT_URL, else the address of a service on this machine."""
    return os.environ.get("GRAFT_URL") or LOCAL


def default_api_key() -> str | None:
    """Return the value of the variable GRAFT_API_KEY, None if it is not set."""
    return os.environ.get("GRAFT_API_KEY") or None


def find_refusal(url: str) -> str | None:
    """Return why this machine refuses connections to one of its own addresses, None if it does not.

    It takes less time than importing an HTTP client. Other addresses, and those that a proxy may
    reach, are not tried.
    """
    import socket  # noqa: PLC0415 - the client's users need not wait for it
    from urllib.parse import urlsplit  # noqa: PLC0415 - as above

    if any(os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):  # whoever connects says what is wrong
        return None
    if parts.hostname not in _LOOPBACK:
        return None
    try:
        with socket.create_connection((parts.hostname, port), timeout=1):
            return None
    except ConnectionRefusedError as error:
        return str(error)
    except OSError:
        return None
