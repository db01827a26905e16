"""Find the images that a dataset's report names."""

from app.datasets.schemas import Finding, PairKind, Report

_OF_PAIRS: dict[PairKind, Finding] = {
    "duplicates": "duplicate",
    "leaked": "leaked",
    "near_leaked": "near_leaked",
}


def list_pairs_of(report: Report, kind: PairKind) -> list[tuple[str, str]]:
    """Return the pairs of paths in one of the report's lists, at most 1,000."""
    pairs: list[tuple[str, str]] = getattr(report, kind)
    return pairs


def index_findings(report: Report) -> dict[str, list[Finding]]:
    """Return the findings of each path that the report's lists name; both paths of a pair count."""
    findings: dict[str, list[Finding]] = {}

    def add(path: str, finding: Finding) -> None:
        found = findings.setdefault(path, [])
        if finding not in found:
            found.append(finding)

    for kind, finding in _OF_PAIRS.items():
        for pair in list_pairs_of(report, kind):
            for path in pair:
                add(path, finding)
    for suspect in report.suspect_labels:
        add(suspect.path, "suspect_label")
    return findings
