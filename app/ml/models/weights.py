"""Where pretrained weights would come from, told without torch.

Searched in this order: `<architecture>.safetensors` in GRAFT_WEIGHTS_DIR (the default weights),
torchvision's own file name there, the same in torch hub's cache; then the download. There is
nothing after that: random numbers never take the place of weights.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from app.errors import WeightsUnavailable
from app.ml.models.catalogue import Entry

Availability = Literal["local", "download", "unavailable"]

_NUM_CONNECTIONS = 16


class UrlProbe:
    """Asks whether URLs answer, and remembers it for a while.

    A server that cannot be reached at all is remembered as a whole, so that a list of weights costs
    one timeout, not one each.
    """

    def __init__(self, *, timeout_seconds: float = 3.0, remember_seconds: float = 60.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._remember_seconds = remember_seconds
        self._answers: dict[str, tuple[float, bool]] = {}

    def __call__(self, url: str) -> bool:
        """Whether a HEAD request is answered with success."""
        return self.ask_all([url])[url]

    def ask_all(self, urls: Iterable[str]) -> dict[str, bool]:
        """The same of many, all at once as soon as their server has answered the first."""
        answers: dict[str, bool] = {}
        unknown: dict[str, list[str]] = {}
        for url in dict.fromkeys(urls):
            known = self._recall(url)
            if known is None:
                unknown.setdefault(urlsplit(url).netloc, []).append(url)
            else:
                answers[url] = known
        if unknown:
            with self._open_client() as client, ThreadPoolExecutor(_NUM_CONNECTIONS) as pool:
                for first, *others in unknown.values():
                    answers[first] = self._ask(client, first)
                    found = pool.map(partial(self._ask, client), others)
                    answers.update(zip(others, found, strict=True))
        return answers

    def _open_client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout_seconds, follow_redirects=True)

    def _recall(self, url: str) -> bool | None:
        for key in (url, urlsplit(url).netloc):
            asked_at, answer = self._answers.get(key, (float("-inf"), False))
            if time.monotonic() - asked_at < self._remember_seconds:
                return answer
        return None

    def _ask(self, client: httpx.Client, url: str) -> bool:
        known = self._recall(url)
        if known is not None:
            return known
        try:
            key, answer = url, client.head(url).is_success
        except httpx.TransportError:
            key, answer = urlsplit(url).netloc, False
        self._answers[key] = (time.monotonic(), answer)
        return answer


_probe = UrlProbe()


def find_hub_dir() -> Path:
    """The folder in which torch hub keeps downloaded files, found the way torch finds it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(os.environ.get("TORCH_HOME", cache)).expanduser() / "hub" / "checkpoints"


def find_local(entry: Entry, weights_name: str, weights_dir: Path | None) -> Path | None:
    """The file of these weights on this machine, by name; its hash is checked when it is loaded.

    Raises ValidationFailed for a name the architecture does not have.
    """
    weights = entry.get_weights(weights_name)
    candidates = [find_hub_dir() / weights.file_name]
    if weights_dir is not None:
        candidates.insert(0, weights_dir / weights.file_name)
        if weights.is_default:
            candidates.insert(0, weights_dir / f"{entry.name}.safetensors")
    return next((path for path in candidates if path.is_file()), None)


def availability(
    entry: Entry,
    weights_name: str,
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    answers: Callable[[str], bool] = _probe,
) -> Availability:
    """Whether the weights lie here, could be downloaded now, or cannot be had."""
    if find_local(entry, weights_name, weights_dir) is not None:
        return "local"
    if download_allowed and answers(entry.get_weights(weights_name).url):
        return "download"
    return "unavailable"


def list_availability(
    entries: Iterable[Entry],
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    ask_all: Callable[[Iterable[str]], Mapping[str, bool]] = _probe.ask_all,
) -> dict[tuple[str, str], Availability]:
    """The same of all weights of some architectures, by architecture and weights name."""
    places = {
        (entry.name, weights.name): (
            weights.url,
            find_local(entry, weights.name, weights_dir) is not None,
        )
        for entry in entries
        for weights in entry.weights
    }
    urls = [url for url, is_local in places.values() if download_allowed and not is_local]
    answers = ask_all(urls)
    return {
        key: "local" if is_local else "download" if answers.get(url) else "unavailable"
        for key, (url, is_local) in places.items()
    }


def require_available(
    entry: Entry,
    weights_name: str,
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    answers: Callable[[str], bool] = _probe,
) -> None:
    """Raise WeightsUnavailable, saying what to do, unless the weights can be had."""
    found = availability(
        entry,
        weights_name,
        weights_dir=weights_dir,
        download_allowed=download_allowed,
        answers=answers,
    )
    if found == "unavailable":
        raise WeightsUnavailable(explain_missing(entry, weights_name, download_allowed))


def explain_missing(entry: Entry, weights_name: str, download_allowed: bool) -> str:
    """What someone can do who asked for weights that cannot be had."""
    weights = entry.get_weights(weights_name)
    names = f"'{weights.file_name}'"
    if weights.is_default:
        names = f"'{entry.name}.safetensors' or {names}"
    download = "cannot be downloaded now" if download_allowed else "may not be downloaded"
    return (
        f"The pretrained weights {weights.name} of {entry.name} are not on this machine and "
        f"{download}. Put {names} into the folder named by GRAFT_WEIGHTS_DIR, or train without "
        'them with "weights": "none".'
    )
