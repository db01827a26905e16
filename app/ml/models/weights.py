"""Find pretrained weights on this machine, or check that they can be downloaded; imports no torch.

Search order: `<architecture>.safetensors` in GRAFT_WEIGHTS_DIR (the default weights),
torchvision's own file name in that folder, the same name in torch hub's cache, the download. If
none of them has the weights, that is an error: random weights never replace pretrained ones.
`app.ml.models.timm_weights` says where those of timm are.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from app.errors import WeightsUnavailable
from app.ml.models import timm_catalogue, timm_weights
from app.ml.models.catalogue import (
    ArchitectureSpec,
    WeightsSpec,
    list_architectures,
    search_architectures,
)
from app.ml.models.hub import find_hub_dir

Availability = Literal["local", "download", "unavailable"]

_NUM_CONNECTIONS = 16
_NUM_NAMED = 5


class UrlProbe:
    """Check whether URLs can be downloaded, with a cache of the answers that expires.

    A server that cannot be reached is cached as a whole, so that a list of weights costs one
    timeout instead of one per URL.
    """

    def __init__(self, *, timeout_seconds: float = 3.0, cache_seconds: float = 60.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._cache_seconds = cache_seconds
        self._answers: dict[str, tuple[float, bool]] = {}

    def __call__(self, url: str) -> bool:
        """Return whether a HEAD request for the URL succeeds."""
        return self.check_all([url])[url]

    def check_all(self, urls: Iterable[str]) -> dict[str, bool]:
        """Check many URLs in parallel, once each server has answered its first request."""
        answers: dict[str, bool] = {}
        unknown: dict[str, list[str]] = {}
        for url in dict.fromkeys(urls):
            known = self._get_cached(url)
            if known is None:
                unknown.setdefault(urlsplit(url).netloc, []).append(url)
            else:
                answers[url] = known
        if unknown:
            with self._open_client() as client, ThreadPoolExecutor(_NUM_CONNECTIONS) as pool:
                for first, *others in unknown.values():
                    answers[first] = self._check(client, first)
                    found = pool.map(partial(self._check, client), others)
                    answers.update(zip(others, found, strict=True))
        return answers

    def _open_client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout_seconds, follow_redirects=True)

    def _get_cached(self, url: str) -> bool | None:
        for key in (url, urlsplit(url).netloc):
            checked_at, answer = self._answers.get(key, (float("-inf"), False))
            if time.monotonic() - checked_at < self._cache_seconds:
                return answer
        return None

    def _check(self, client: httpx.Client, url: str) -> bool:
        known = self._get_cached(url)
        if known is not None:
            return known
        try:
            key, answer = url, client.head(url).is_success
        except httpx.TransportError:
            key, answer = urlsplit(url).netloc, False
        self._answers[key] = (time.monotonic(), answer)
        return answer


_probe = UrlProbe()


def find_local(
    architecture: ArchitectureSpec, weights_name: str, weights_dir: Path | None
) -> Path | None:
    """Find the file of these weights on this machine by name; loading checks its hash.

    Raises ValidationFailed for weights that the architecture does not have.
    """
    weights = architecture.get_weights(weights_name)
    if architecture.is_of_timm:
        found = timm_weights.find_local(architecture, weights, weights_dir)
        return found.path if found is not None else None
    candidates = [find_hub_dir() / weights.file_name]
    if weights_dir is not None:
        candidates.insert(0, weights_dir / weights.file_name)
        if weights.is_default:
            candidates.insert(0, weights_dir / f"{architecture.name}.safetensors")
    return next((path for path in candidates if path.is_file()), None)


def list_local(weights_dir: Path | None, *, with_timm: bool) -> Iterator[ArchitectureSpec]:
    """Yield the architectures whose default weights are on this machine, torchvision's first."""
    for architecture in list_architectures():
        if find_local(architecture, "imagenet", weights_dir) is not None:
            yield architecture
    if with_timm:
        yield from list_local_of_timm(weights_dir)


def list_local_of_timm(weights_dir: Path | None) -> Iterator[ArchitectureSpec]:
    """Yield timm's architectures whose default weights are on this machine; none without timm."""
    if timm_catalogue.is_installed():
        for architecture in search_architectures(timm_catalogue.PREFIX):
            default = next((one.name for one in architecture.weights if one.is_default), None)
            if default is not None and find_local(architecture, default, weights_dir) is not None:
                yield architecture


def availability(
    architecture: ArchitectureSpec,
    weights_name: str,
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    answers: Callable[[str], bool] = _probe,
) -> Availability:
    """Return whether the weights are on this machine, can be downloaded, or are unavailable."""
    if find_local(architecture, weights_name, weights_dir) is not None:
        return "local"
    weights = architecture.get_weights(weights_name)
    urls = timm_weights.list_urls(weights) if architecture.is_of_timm else [weights.url]
    if download_allowed and any(answers(url) for url in urls):
        return "download"
    return "unavailable"


def list_availability(
    architectures: Iterable[ArchitectureSpec],
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    check_all: Callable[[Iterable[str]], Mapping[str, bool]] = _probe.check_all,
) -> dict[tuple[str, str], Availability]:
    """Return the availability of all weights, by the names of architecture and weights."""
    places = {
        (architecture.name, weights.name): (
            weights.url,
            find_local(architecture, weights.name, weights_dir) is not None,
        )
        for architecture in architectures
        for weights in architecture.weights
    }
    urls = [url for url, is_local in places.values() if download_allowed and not is_local]
    answers = check_all(urls)
    return {
        key: "local" if is_local else "download" if answers.get(url) else "unavailable"
        for key, (url, is_local) in places.items()
    }


def list_availability_unprobed(
    architectures: Iterable[ArchitectureSpec], *, weights_dir: Path | None, download_allowed: bool
) -> dict[tuple[str, str], Availability]:
    """Return the availability of all weights without asking a hub.

    Weights that are not on this machine count as `download` where downloads are allowed. Those of
    timm are unavailable where timm is not installed.
    """
    return {
        (architecture.name, weights.name): _find_unprobed(
            architecture, weights, weights_dir, download_allowed=download_allowed
        )
        for architecture in architectures
        for weights in architecture.weights
    }


def _find_unprobed(
    architecture: ArchitectureSpec,
    weights: WeightsSpec,
    weights_dir: Path | None,
    *,
    download_allowed: bool,
) -> Availability:
    if architecture.is_of_timm and not timm_catalogue.is_installed():
        return "unavailable"
    if find_local(architecture, weights.name, weights_dir) is not None:
        return "local"
    has_source = weights.hub_id is not None or not architecture.is_of_timm
    return "download" if download_allowed and has_source else "unavailable"


def require_available(
    architecture: ArchitectureSpec,
    weights_name: str,
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    answers: Callable[[str], bool] = _probe,
) -> None:
    """Raise WeightsUnavailable, with what to do, unless the weights are available."""
    found = availability(
        architecture,
        weights_name,
        weights_dir=weights_dir,
        download_allowed=download_allowed,
        answers=answers,
    )
    if found == "unavailable":
        message = explain_missing(architecture, weights_name, download_allowed)
        raise WeightsUnavailable(message + _name_local(weights_dir))


def explain_missing(
    architecture: ArchitectureSpec, weights_name: str, download_allowed: bool
) -> str:
    """Explain why weights are unavailable and what to do."""
    weights = architecture.get_weights(weights_name)
    names = f"'{weights.file_name}'"
    if architecture.is_of_timm:
        files = timm_weights.list_file_names(architecture, weights)
        names = " or ".join(f"'{name}'" for name in files)
    elif weights.is_default:
        names = f"'{architecture.name}.safetensors' or {names}"
    download = "cannot be downloaded now" if download_allowed else "may not be downloaded"
    return (
        f"The pretrained weights {weights.name} of {architecture.name} are not on this machine and "
        f"{download}. Put {names} into the folder named by GRAFT_WEIGHTS_DIR, or train without "
        'them with "weights": "none".'
    )


def _name_local(weights_dir: Path | None) -> str:
    """Name the first architectures whose weights are on this machine, in a sentence."""
    names = [architecture.name for architecture in list_local(weights_dir, with_timm=True)]
    if not names:
        return ""
    others = f" and {len(names) - _NUM_NAMED} more" if len(names) > _NUM_NAMED else ""
    return f" This machine has the weights of: {', '.join(names[:_NUM_NAMED])}{others}."
