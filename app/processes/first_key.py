"""Create and print the first admin key: `python -m app.processes.first_key`.

This runs in its own process, so that its imports take no memory later.
"""

import sys

from app.access.local_keys import create_local_first_key
from app.errors import Unavailable
from app.settings import Settings, get_settings


def main() -> None:
    """Print a new admin key if access control is on and there has never been a key."""
    try:
        print_first_key(get_settings())
    except Unavailable as error:
        sys.exit(f"graft: {error}")


def print_first_key(settings: Settings) -> None:
    """Print a new admin key on standard output, not in the log, and never a second one."""
    if not settings.access_control:
        return
    key = create_local_first_key(settings)
    if key is not None:
        print(_TEXT.format(key=key), flush=True)  # noqa: T201 - whoever starts the service reads it


_TEXT = """\
There is no API key yet. This is the first one, for an administrator; it is shown only now:

  {key}

Keep it, use it as GRAFT_API_KEY, and create keys for others with `graft keys create`."""


if __name__ == "__main__":
    main()
