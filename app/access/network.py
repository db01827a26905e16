"""Refuse to serve other machines without access control, unless that is wanted."""

from ipaddress import ip_address

from app.settings import Settings, SettingsInvalid


def require_access_control(settings: Settings) -> None:
    """Raise SettingsInvalid if others can reach the service, and may do everything, by accident."""
    if settings.access_control or settings.allow_open_network or is_loopback(settings.host):
        return
    raise SettingsInvalid(
        f"GRAFT_HOST is '{settings.host}', so other machines can reach the service, and access "
        "control is off. Set GRAFT_ACCESS_CONTROL=true, so that requests need an API key, or "
        "GRAFT_ALLOW_OPEN_NETWORK=true if everybody who reaches this address may do everything."
    )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name, which may be any address
        return False
