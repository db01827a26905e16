"""Import the packages of all child processes in the server that forks them."""

from importlib import import_module

from app.ml.runtime.lazy_compiler import import_torchvision

PACKAGES = (
    "advice",
    "batches",
    "dry_run",
    "evaluation",
    "exports",
    "ingestion",
    "portfolio",
    "quantization",
    "training",
)


def preload() -> None:
    """Import torchvision and the package of each kind of work."""
    import_torchvision()
    for package in PACKAGES:
        import_module(f"worker.{package}.__main__")
