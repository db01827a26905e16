"""Write the results of a batch to storage, in parts and finally as one file."""

import shutil
import time
from collections.abc import Callable, Iterator

from app.batches.results import Line, read_lines
from app.storage import Storage
from worker.batches.config import BatchConfig

_MAX_BYTES_IN_MEMORY = 16 * 1024 * 1024

OnPart = Callable[[str], None]
"""Called with the key of a part that is stored durably."""


class Results:
    """Store lines in parts at regular intervals, and as one file at the end.

    Parts survive this process, so that the next attempt continues after them.
    """

    def __init__(self, config: BatchConfig, storage: Storage, on_part: OnPart) -> None:
        self._config = config
        self._storage = storage
        self._on_part = on_part
        self._part_keys = list(config.part_keys)
        self._start_part()

    def read_earlier(self) -> Iterator[Line]:
        """Read the lines that earlier attempts wrote."""
        for key in self._config.part_keys:
            yield from read_lines(self._storage.path(key))

    def add(self, line: Line) -> None:
        self._lines += line.model_dump_json().encode() + b"\n"
        if time.monotonic() >= self._next_part or len(self._lines) >= _MAX_BYTES_IN_MEMORY:
            self._store_part()

    def finish(self) -> None:
        """Store all lines as one file, atomically; afterwards the parts are not needed."""
        with self._storage.new_file(self._config.results_key) as file:
            for key in self._part_keys:
                with self._storage.path(key).open("rb") as part:
                    shutil.copyfileobj(part, file)
            file.write(self._lines)

    def _store_part(self) -> None:
        stem = self._config.results_key.removesuffix(".jsonl")
        key = f"{stem}-{len(self._part_keys)}.jsonl"
        with self._storage.new_file(key) as file:
            file.write(self._lines)
        self._part_keys.append(key)
        self._on_part(key)
        self._start_part()

    def _start_part(self) -> None:
        self._lines = bytearray()
        self._next_part = time.monotonic() + self._config.part_seconds
