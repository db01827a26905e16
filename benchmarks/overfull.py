"""Put very many rows into the database of a running service (SQLite)."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

NUM_IMAGES = 100_000
NUM_JOBS = 100_000
NUM_EPOCHS = 10_000
NUM_CLASSES = 1_200
LONG_NAME = "a-name-that-is-as-long-as-a-name-may-be-" + "x" * 23
"""63 characters, the longest name."""

_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "


def overfill(data_dir: Path, *, dataset_id: str, job_id: str) -> None:
    """Multiply a small dataset and a finished job; both must be in the database."""
    with closing(sqlite3.connect(data_dir / "graft.db", timeout=60)) as database, database:
        _add_images(database, dataset_id)
        _add_epochs(database, job_id)
        _add_jobs(database, job_id)


def _columns(database: sqlite3.Connection, table: str, **values: str) -> tuple[str, str]:
    """The columns of a table, and the expressions that copy a row except for some values."""
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    quoted = [f'"{name}"' for name in names]
    copied = [values.get(name, f't."{name}"') for name in names]
    return ", ".join(quoted), ", ".join(copied)


def _add_images(database: sqlite3.Connection, dataset_id: str) -> None:
    """Make of the dataset one with 1,200 classes and 100,000 images of the same file."""
    names = [f"class {number:04}, {LONG_NAME}"[:80] for number in range(NUM_CLASSES)]
    per_class = dict.fromkeys(names, NUM_IMAGES // NUM_CLASSES)
    splits = {"train": {"num_images": NUM_IMAGES, "per_class": per_class}}
    database.execute(
        "UPDATE dataset SET name = ?, class_names = ?, splits = ? WHERE id = ?",
        (LONG_NAME, json.dumps(names), json.dumps(splits), dataset_id),
    )
    columns, copied = _columns(
        database,
        "dataset_image",
        image_id="n.i",
        split="'train'",
        class_name=f"printf('class %04d, {LONG_NAME}', n.i * {NUM_CLASSES} / {NUM_IMAGES + 1})",
        path="printf('train/%06d.jpg', n.i)",
    )
    first = f"(SELECT * FROM dataset_image WHERE dataset_id = '{dataset_id}' LIMIT 1)"
    database.execute("CREATE TEMP TABLE one AS SELECT * FROM " + first)
    database.execute("DELETE FROM dataset_image WHERE dataset_id = ?", (dataset_id,))
    database.execute(
        f"{_COUNT.format(NUM_IMAGES)} INSERT INTO dataset_image ({columns}) "
        f"SELECT {copied} FROM n, one AS t"
    )
    database.execute("UPDATE dataset_image SET class_name = substr(class_name, 1, 80)")


def _add_epochs(database: sqlite3.Connection, job_id: str) -> None:
    """Give the job 10,000 epochs whose curves fall and rise."""
    columns, copied = _columns(
        database,
        "epoch",
        epoch="n.i + 1",
        val_accuracy="0.5 + 0.4 * (1 - exp(-n.i / 2000.0)) + 0.02 * sin(n.i / 7.0)",
        val_loss="0.3 + exp(-n.i / 1500.0) + 0.02 * sin(n.i / 5.0)",
    )
    database.execute(
        f"{_COUNT.format(NUM_EPOCHS - 1)} INSERT OR REPLACE INTO epoch ({columns}) "
        f"SELECT {copied} FROM n, (SELECT * FROM epoch WHERE job_id = '{job_id}' "
        "AND epoch = 1) AS t"
    )


def _add_jobs(database: sqlite3.Connection, job_id: str) -> None:
    """Copy the finished job 100,000 times."""
    columns, copied = _columns(
        database,
        "job",
        id="printf('job_%024d', n.i)",
        model_name=f"'{LONG_NAME}'",
        config=f"json_set(t.config, '$.model_name', '{LONG_NAME}')",
    )
    database.execute(
        f"{_COUNT.format(NUM_JOBS)} INSERT INTO job ({columns}) "
        f"SELECT {copied} FROM n, (SELECT * FROM job WHERE id = '{job_id}') AS t"
    )
