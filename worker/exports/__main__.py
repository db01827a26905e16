"""Export a version: `python -m worker.exports`."""

from worker.child_main import run_child, send_progress
from worker.exports.config import ExportConfig
from worker.exports.export import export
from worker.protocol import AnalysisDone


def main() -> None:
    """Run the export that the configuration on standard input describes."""
    run_child(
        "worker.exports",
        ExportConfig,
        lambda config, _: AnalysisDone(
            result=export(config, send_progress).model_dump(mode="json")
        ),
    )


if __name__ == "__main__":
    main()
