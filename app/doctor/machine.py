"""Check libraries, devices, limits of the operating system, the port and access control."""

import ipaddress
import json
import os
import platform
import re
import resource
import socket
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.request import urlopen

from app.doctor.finding import Finding, error, ok, warning
from app.folder_lock import find_holder
from app.settings import Settings
from app.space import format_bytes

_MIN_OPEN_FILES = 4096
_MAX_MEMORY_FRACTION = 0.8
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_LOOPBACK_NAMES = {"localhost", "localhost.localdomain"}


def check_versions(_: Settings) -> Finding:
    """Compare torch with the version that torchvision was built for."""
    try:
        found = {name: version(name) for name in ("graft-server", "torch", "torchvision")}
    except PackageNotFoundError as missing:
        return error(f"{missing.name} is not installed", "Install graft-server with its packages.")
    listed = ", ".join(f"{name} {one}" for name, one in found.items())
    shown = f"{listed}, Python {platform.python_version()}"
    needed = _find_needed_torch()
    if needed and found["torch"].partition("+")[0] != needed:
        return error(
            f"{shown}; this torchvision needs torch {needed}",
            "Install the pair of versions that belong together, as in requirements.lock.",
        )
    return ok(shown)


def check_devices(settings: Settings) -> Finding:
    """Ask torch for the devices that it can use."""
    import torch  # noqa: PLC0415 - takes seconds

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if names:
        used = "not used, because GRAFT_DEVICE is cpu" if settings.device == "cpu" else "used"
        return ok(f"{', '.join(names)} ({used}; CUDA {torch.version.cuda})")
    if settings.device == "cuda":
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU only"
        return error(
            f"GRAFT_DEVICE is cuda, and torch, built for {built}, finds no GPU",
            "Check the driver with nvidia-smi, or set GRAFT_DEVICE=auto.",
        )
    if settings.num_processes > 1:
        return ok(f"CPU, {settings.num_processes} processes for each job")
    return ok(f"CPU, {settings.num_threads} threads")


def check_open_files(_: Settings) -> Finding:
    """Compare the limit of open files with what many connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _MIN_OPEN_FILES:
        return ok(f"{'unlimited' if soft == resource.RLIM_INFINITY else soft} open files")
    return warning(
        f"{soft} open files are allowed, so fewer connections are possible at once",
        f"Raise the limit to {_MIN_OPEN_FILES} or more: `ulimit -n`, LimitNOFILE in systemd, "
        f"ulimits in Compose (at most {hard} here).",
    )


def check_memory(settings: Settings) -> Finding:
    """Compare the memory with the largest that the API may set aside."""
    total = _find_memory_bytes()
    each = settings.model_cache_bytes + settings.predict_max_bytes_in_flight
    budget = settings.api_processes * each
    shown = (
        f"{format_bytes(total)} of memory; {settings.api_processes} API processes may use "
        f"{format_bytes(budget)} for models and bodies"
    )
    if budget > _MAX_MEMORY_FRACTION * total:
        return warning(
            shown,
            "Lower GRAFT_API_PROCESSES, GRAFT_MODEL_CACHE_BYTES or "
            "GRAFT_PREDICT_MAX_BYTES_IN_FLIGHT.",
        )
    return ok(shown)


def check_port(settings: Settings) -> Finding:
    """Ask the service for its liveness, or check that its port is free."""
    holder = find_holder(settings.data_dir)
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    if holder and holder.address:
        url = holder.address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    if _answers(url):
        by = f" (process {holder.pid})" if holder else ""
        return ok(f"the service answers at {url}{by}")
    if holder:
        return error(
            f"process {holder.pid} runs the service, and {url} does not answer",
            "Wait until it has started; then read its log.",
        )
    if settings.port and _is_taken(host, settings.port):
        return error(
            f"another program uses the port {settings.port} of {host}",
            "Stop it, or set GRAFT_PORT.",
        )
    return ok(f"the service does not run; the port {settings.port} of {host} is free")


def check_access(settings: Settings) -> Finding:
    """Check that a service on a network asks for keys."""
    if _is_loopback(settings.host):
        return ok(f"only this machine reaches {settings.host}")
    if settings.access_control:
        return ok(f"requests to {settings.host} need a key")
    return error(
        f"whoever reaches {settings.host} may do everything, because access control is off",
        "Turn on access control, or set GRAFT_HOST=127.0.0.1.",
    )


def _find_needed_torch() -> str | None:
    """Return the version of torch that the installed torchvision requires."""
    for requirement in requires("torchvision") or []:
        match = re.match(r"torch\s*\(?==\s*([\w.]+)", requirement)
        if match:
            return match[1]
    return None


def _find_memory_bytes() -> int:
    """Return the memory of the machine, or of its container."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(_CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or `max`
        return total


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/livez", timeout=5) as answer:  # noqa: S310 - the service's own URL
            return bool(json.loads(answer.read()) == {"status": "ok"})
    except (OSError, HTTPException, ValueError):
        return False


def _is_taken(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES
