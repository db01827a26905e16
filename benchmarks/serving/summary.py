"""Records of loads summed up over repeats: the tables, and the bars to be passed."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.serving.ceiling import Ceiling
from benchmarks.serving.generator import Load
from benchmarks.serving.models import JOBS
from benchmarks.serving.records import Record, Results
from benchmarks.serving.systems import OWN, SYSTEMS, Kind

JUDGED = 32
"""The number of connections at which throughput is judged."""

STOCK_RATIO = {"squeezenet1_0": (4.0, 5.3), "resnet18": (2.5, 2.5)}
GIVEN_RATIO = {"squeezenet1_0": (1.5, 2.0)}
"""By network: how many times the best peer's throughput is asked for, and how many are aimed at."""

_RATIOS: dict[Kind, dict[str, tuple[float, float]]] = {
    "stock": STOCK_RATIO,
    "given": GIVEN_RATIO,
    "tuned": GIVEN_RATIO,
}
"""The best peer of each kind; a tuned one has had more done to it than the bar speaks of."""

ALONE_MS = (15.0, 10.0)
CEILING_SHARE = 0.85
_NETWORKS = list(JOBS)
_ORDER = [system.label for system in SYSTEMS]


@dataclass(frozen=True)
class Summary:
    """One system under one number of connections, over its repeats."""

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
        """Requests a second: the median over repeats."""
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
    """A Markdown table for each network and number of connections, and what failed, with reasons.

    Columns: errors are requests without success in all repeats; generator is its processor time.
    """
    parts: list[str] = []
    parts += [
        f"Ceiling of {name}: {_describe(one)}\n"
        for name, one in results.ceilings.items()
        if one.in_turn  # empty where the choice of systems left a network without a turn
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
    parts += [f"The host took at most {max(stolen, default=0):.1%} of a load's processor time."]
    failed = [record for record in results.records if record.error is not None]
    parts += [f"- {' '.join(map(str, record.key))}: {record.error}" for record in failed]
    return "\n".join(parts)


def judge(results: Results) -> Iterator[str]:
    """The bars: a line each, with its figures; a bar whose figures are missing fails."""
    summaries = summarize(results.records)
    for network in dict.fromkeys(record.network for record in results.records):
        at = {
            one.first.system: one
            for one in summaries
            if (one.first.network, one.first.connections) == (network, JUDGED)
        }
        own = at.get(OWN)
        if own is None:
            yield f"FAIL {network}: {OWN} was not measured at {JUDGED} connections"
            continue
        ceiling = results.ceilings[network]
        limit = ceiling.requests_per_second
        for kind, bars in _RATIOS.items():
            peers = [one for one in at.values() if one.first.kind == kind]
            if network in bars:
                yield _judge_ratio(own, kind, peers, bars[network], limit)
        share = own.rate / limit
        yield _verdict(
            share >= CEILING_SHARE,
            f"{network}: {share:.0%} of the ceiling of {limit:.1f} requests a second "
            f"(≥ {CEILING_SHARE:.0%}); {own.rate / ceiling.sum_of_steps:.0%} of the steps alone",
        )
    yield from _judge_alone(summaries)
    yield from _judge_errors(summaries)


def _judge_ratio(
    own: Summary, kind: str, peers: Sequence[Summary], bar: tuple[float, float], limit: float
) -> str:
    network = own.first.network
    if not peers:
        return f"FAIL {network}: no {kind} peer was measured at {JUDGED} connections"
    best = max(peers, key=lambda one: one.rate)
    ratio = own.rate / best.rate
    return _verdict(
        ratio >= bar[0],
        f"{network}: {own.rate:.1f} ÷ {best.rate:.1f} of {best.first.system}, the best {kind} "
        f"peer = {ratio:.2f}x (≥ {bar[0]:g}, aim {bar[1]:g}); "
        f"the ceiling ÷ it = {limit / best.rate:.2f}x",
    )


def _judge_alone(summaries: Sequence[Summary]) -> Iterator[str]:
    for one in summaries:
        if (one.first.system, one.first.network, one.first.connections) == (
            OWN,
            "squeezenet1_0",
            1,
        ):
            p50 = one.median(lambda load: load.p50_ms)
            text = f"squeezenet1_0: p50 alone {p50:.1f} ms (≤ {ALONE_MS[0]:g}, aim {ALONE_MS[1]:g})"
            yield _verdict(p50 <= ALONE_MS[0], text)


def _judge_errors(summaries: Sequence[Summary]) -> Iterator[str]:
    for system in dict.fromkeys(one.first.system for one in summaries):
        of_it = [one for one in summaries if one.first.system == system]
        num_errors = sum(one.num_errors for one in of_it)
        if of_it[0].first.kind == "Graft":
            yield _verdict(num_errors == 0, f"{system}: {num_errors} errors under all loads")
        elif num_errors:
            yield f"NOTE {system}: {num_errors} errors under all loads"


def _describe(ceiling: Ceiling) -> str:
    forward = ", ".join(f"{name} {ms:.2f}" for name, ms in ceiling.forward_ms.items())
    rates = [one.images_per_second for one in ceiling.in_turn]
    return (
        f"{ceiling.requests_per_second:.1f} requests a second = {ceiling.cores} cores at once, "
        f"{ceiling.images_per_second:.1f} ({min(rates):.1f}-{max(rates):.1f}) images a second in "
        f"turn, and HTTP {ceiling.http_ms:.2f} ms; the steps alone would sum up to "
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


def _verdict(is_passed: bool, text: str) -> str:
    return f"{'PASS' if is_passed else 'FAIL'} {text}"


def _group(record: Record) -> tuple[int, int, int]:
    return (_NETWORKS.index(record.network), record.connections, _ORDER.index(record.system))
