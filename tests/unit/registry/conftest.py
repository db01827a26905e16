from collections.abc import Callable

import pytest

from app.db.session import Database
from app.registry import service

Register = Callable[..., int]


@pytest.fixture
def register(database: Database) -> Register:
    """Register one version, each in a transaction of its own."""

    def register(name: str = "ants") -> int:
        with database.transaction() as session:
            return service.register_version(
                session,
                name=name,
                job_id="job_1",
                checkpoint_key=f"jobs/{name}/1/model.safetensors",
                digest="0" * 64,
                num_bytes=1000,
                architecture="squeezenet1_0",
                class_names=["ants", "bees"],
                input_size=224,
                val_accuracy=0.9,
            )

    return register
