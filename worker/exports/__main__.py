"""The process that exports one version: `python -m worker.exports`."""

from app.loading import loading_code

with loading_code():
    from app.errors import GraftError
    from worker.exports.config import ExportConfig
    from worker.exports.export import export
    from worker.parent_watchdog import open_lifeline
    from worker.protocol import Answered, Failed, InquiryProgress, say


def main() -> None:
    """Make what the configuration on standard input asks for; the last message is the outcome."""
    lifeline = open_lifeline()
    config = ExportConfig.model_validate_json(lifeline.configuration)
    outcome: Answered | Failed
    try:
        outcome = Answered(result=export(config, _tell).model_dump(mode="json"))
    except GraftError as error:
        outcome = Failed(code=error.code, message=error.message)
    say(outcome)


def _tell(done: int, total: int) -> None:
    say(InquiryProgress(done=done, total=total))


if __name__ == "__main__":
    main()
