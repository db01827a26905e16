"""Name the public classes of the Python client; mkdocstrings writes their reference."""

import graft_client


def write_python_client() -> str:
    """Return an instruction to mkdocstrings for each public name, in the package's order."""
    names = getattr(graft_client, "__all__", ["graft.Graft"])
    return "\n\n".join(f"::: graft_client.{name}" for name in names) + "\n"
