"""Datasets as rows in the database, without image files."""

from typing import Any

from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Dataset


def add_dataset(
    database: Database,
    status: str = "ready",
    *,
    num_train: int = 16,
    num_val: int = 8,
    **columns: Any,
) -> str:
    """Add a dataset of two classes, with other values for some columns; returns its id."""
    values: dict[str, Any] = {
        "id": new_id("ds"),
        "name": "colors",
        "status": status,
        "error_code": "DATASET_LAYOUT" if status == "invalid" else None,
        "error_message": "one class" if status == "invalid" else None,
        "class_names": ["amber", "blue"],
        "splits": {"train": {"num_images": num_train}, "val": {"num_images": num_val}},
        "progress": {},
        "report": {},
        "num_bytes": 1,
        "val_fraction": 0.2,
        "split_seed": 0,
        "labels": {},
        "upload_key": "uploads/x",
    }
    row = Dataset(**values | columns)
    with database.transaction() as session:
        session.add(row)
        return row.id
