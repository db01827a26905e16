"""What a command of the service says about its setup when it starts."""

from collections.abc import Sequence
from importlib.metadata import version

from app.dashboard.files import PAGE, STATIC
from app.ml.models.hub import find_hub_dir
from app.settings import Settings
from app.settings_text import mask_passwords

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}  # noqa: S104 - replaced, not bound


def describe_setup(settings: Settings, queues: Sequence[str]) -> str:
    """Return the version, database, folders, access control and queues, one a line."""
    weights = settings.weights_dir or find_hub_dir()
    missing = "missing ones are downloaded" if settings.weights_download else "no downloads"
    rows = {
        "database": mask_passwords(settings.sqlalchemy_url),
        "broker": mask_passwords(settings.broker_url) if settings.broker_url else None,
        "files": str(settings.storage_dir),
        "weights": f"{weights} ({missing})",
        "access": "with an API key" if settings.access_control else None,
        "queues": ", ".join(queues) or None,
        "device": settings.device,
    }
    lines = [f"Graft {version('graft-server')}"]
    return "\n".join(lines + [_line(name, value) for name, value in rows.items() if value])


def describe_addresses(url: str) -> str:
    """Return the addresses of the dashboard and of the API's documentation."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rpartition(":")
    base = f"{scheme}://{_EVERY_ADDRESS.get(host, host)}:{port}"
    dashboard = f"{base}/ui/" if (STATIC / PAGE).is_file() else "not built; run `make web`"
    return f"{_line('dashboard', dashboard)}\n{_line('API docs', f'{base}/docs')}"


def _line(name: str, value: str) -> str:
    return f"  {name:<10} {value}"
