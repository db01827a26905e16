"""What child processes run, imported for the server that they are forked from."""

from importlib import import_module

from app.ml.runtime.lazy_compiler import import_torchvision

PACKAGES = (
    "advice",
    "batches",
    "dry_run",
    "evaluation",
    "exports",
    "ingestion",
    "quantization",
    "training",
)


def preload() -> None:
    """Import every package that a child process runs."""
    import_torchvision()
    for package in PACKAGES:
        import_module(f"worker.{package}.__main__")
