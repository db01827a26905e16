"""Summarize loads over repeats in tables, and check them against the targets."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.serving.ceiling import Ceiling
from benchmarks.serving.generator import Load
from benchmarks.serving.models import JOBS
from benchmarks.serving.records import Record, Results
from benchmarks.serving.systems import OWN, SYSTEMS, Kind

TARGET_CONNECTIONS = 32
"""The number of connections at which the throughput targets apply."""

STOCK_RATIO = {"squeezenet1_0": (4.0, 5.3), "resnet18": (2.5, 2.5)}
GIVEN_RATIO = {"squeezenet1_0": (1.5, 2.0)}
"""Required and desired ratio of Graft's throughput to the best peer's, by network."""

_RATIOS: dict[Kind, dict[str, tuple[float, float]]] = {
    "stock": STOCK_RATIO,
    "given": GIVEN_RATIO,
    "tuned": GIVEN_RATIO,
}
"""The ratios for the best peer of each kind; tuned peers have the targets of converted ones."""

ALONE_MS = (15.0, 10.0)
CEILING_SHARE = 0.85
_NETWORKS = list(JOBS)
_ORDER = [system.label for system in SYSTEMS]


@dataclass(frozen=True)
class Summary:
    """The loads of one system with one number of connections, over all repeats."""

    records: list[Record]

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def loads(self) -> list[Load]:
        return [record.load for record in self.records if record.load]

    @property
    def rates(self) -> list[float]:
        return [load.requests_per_second for load in self.loads]

    @property
    def rate(self) -> float:
        """Requests per second, the median over repeats."""
        return statistics.median(self.rates)

    @property
    def num_errors(self) -> int:
        return sum(load.num_errors for load in self.loads)

    def median(self, read: Callable[[Load], float]) -> float:
        return statistics.median(map(read, self.loads))


def summarize(records: Sequence[Record]) -> list[Summary]:
    """Group the loads that succeeded by network, connections and system."""
    runs = sorted((record for record in records if record.error is None), key=_group)
    return [Summary(list(group)) for _, group in groupby(runs, key=_group)]


def write_tables(results: Results) -> str:
    """Write a Markdown table per network and number of connections, and list failed loads.

    The column errors counts failed requests in all repeats; generator is the CPU time of wrk.
    """
    parts: list[str] = []
    parts += [
        f"Ceiling of {name}: {_describe(one)}\n"
        for name, one in results.ceilings.items()
        if one.in_turn  # empty if no chosen system serves the network
    ]
    by_load = groupby(
        summarize(results.records), key=lambda one: (one.first.network, one.first.connections)
    )
    for (network, connections), group in by_load:
        rows = list(group)
        own = next((one for one in rows if one.first.system == OWN), None)
        ceiling = results.ceilings[network]
        parts.append(f"### {network}, {connections} connections\n")
        parts.append(
            "| system | runs | req/s (range) | p50 ms | p99 ms | errors | peak MiB "
            "| generator, cores | of the ceiling | Graft ÷ this |\n"
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        )
        parts.extend(_write_row(one, own, ceiling) for one in rows)
        parts.append("")
    engines = {r.system: r.settings["engine"] for r in results.records if r.kind == "Graft"}
    parts += [f"{system} ran on {engine}." for system, engine in engines.items()]
    stolen = [record.load.stolen for record in results.records if record.load]
    parts += [f"The host stole at most {max(stolen, default=0):.1%} of the CPU time during a load."]
    failed = [record for record in results.records if record.error is not None]
    parts += [f"- {' '.join(map(str, record.key))}: {record.error}" for record in failed]
    return "\n".join(parts)


def check_targets(results: Results) -> Iterator[str]:
    """Check the targets; yield a line with the figures of each. A target without figures fails."""
    summaries = summarize(results.records)
    for network in dict.fromkeys(record.network for record in results.records):
        at = {
            one.first.system: one
            for one in summaries
            if (one.first.network, one.first.connections) == (network, TARGET_CONNECTIONS)
        }
        own = at.get(OWN)
        if own is None:
            yield f"FAIL {network}: {OWN} was not measured at {TARGET_CONNECTIONS} connections"
            continue
        ceiling = results.ceilings[network]
        limit = ceiling.requests_per_second
        for kind, targets in _RATIOS.items():
            peers = [one for one in at.values() if one.first.kind == kind]
            if network in targets:
                yield _check_ratio(own, kind, peers, targets[network], limit)
        share = own.rate / limit
        yield _write_check(
            share >= CEILING_SHARE,
            f"{network}: {share:.0%} of the ceiling of {limit:.1f} requests per second "
            f"(≥ {CEILING_SHARE:.0%}); {own.rate / ceiling.sum_of_steps:.0%} of the steps alone",
        )
    yield from _check_latency(summaries)
    yield from _check_errors(summaries)


def _check_ratio(
    own: Summary, kind: str, peers: Sequence[Summary], target: tuple[float, float], limit: float
) -> str:
    network = own.first.network
    if not peers:
        return f"FAIL {network}: no {kind} peer was measured at {TARGET_CONNECTIONS} connections"
    best = max(peers, key=lambda one: one.rate)
    ratio = own.rate / best.rate
    return _write_check(
        ratio >= target[0],
        f"{network}: {own.rate:.1f} ÷ {best.rate:.1f} of {best.first.system}, the best {kind} "
        f"peer = {ratio:.2f}x (≥ {target[0]:g}, aim {target[1]:g}); "
        f"the ceiling ÷ it = {limit / best.rate:.2f}x",
    )


def _check_latency(summaries: Sequence[Summary]) -> Iterator[str]:
    for one in summaries:
        if (one.first.system, one.first.network, one.first.connections) == (
            OWN,
            "squeezenet1_0",
            1,
        ):
            p50 = one.median(lambda load: load.p50_ms)
            limit, aim = ALONE_MS
            text = f"squeezenet1_0: p50 with one connection {p50:.1f} ms (≤ {limit:g}, aim {aim:g})"
            yield _write_check(p50 <= limit, text)


def _check_errors(summaries: Sequence[Summary]) -> Iterator[str]:
    for system in dict.fromkeys(one.first.system for one in summaries):
        of_it = [one for one in summaries if one.first.system == system]
        num_errors = sum(one.num_errors for one in of_it)
        if of_it[0].first.kind == "Graft":
            yield _write_check(num_errors == 0, f"{system}: {num_errors} errors in all loads")
        elif num_errors:
            yield f"NOTE {system}: {num_errors} errors in all loads"


def _describe(ceiling: Ceiling) -> str:
    forward = ", ".join(f"{name} {ms:.2f}" for name, ms in ceiling.forward_ms.items())
    rates = [one.images_per_second for one in ceiling.in_turn]
    return (
        f"{ceiling.requests_per_second:.1f} requests per second = {ceiling.cores} cores at once, "
        f"{ceiling.images_per_second:.1f} ({min(rates):.1f}-{max(rates):.1f}) images per second in "
        f"turn, and HTTP {ceiling.http_ms:.2f} ms; the steps alone would allow "
        f"{ceiling.sum_of_steps:.1f} (decode {ceiling.decode_ms:.2f} ms, forward by engine, ms: "
        f"{forward})"
    )


def _write_row(one: Summary, own: Summary | None, ceiling: Ceiling) -> str:
    share = f"{one.rate / ceiling.requests_per_second:.0%}"
    cells = [
        one.first.system,
        str(len(one.records)),
        f"{one.rate:.1f} ({min(one.rates):.1f}-{max(one.rates):.1f})",
        f"{one.median(lambda load: load.p50_ms):.1f}",
        f"{one.median(lambda load: load.p99_ms):.1f}",
        str(one.num_errors),
        f"{max(record.peak_mib for record in one.records):.0f}",
        f"{one.median(lambda load: load.generator_cores):.2f}",
        share,
        f"{own.rate / one.rate:.2f}" if own else "—",
    ]
    return f"| {' | '.join(cells)} |"


def _write_check(is_passed: bool, text: str) -> str:
    return f"{'PASS' if is_passed else 'FAIL'} {text}"


def _group(record: Record) -> tuple[int, int, int]:
    return (_NETWORKS.index(record.network), record.connections, _ORDER.index(record.system))
