"""The process that answers one inquiry: `python -m worker.inquiries`."""

from app.loading import loading_code

with loading_code():
    from pydantic import BaseModel

    from app.advice.schemas import AdviceQuestion
    from app.errors import GraftError
    from app.evaluations.schemas import EvaluationQuestion
    from app.quantization.schemas import QuantizationQuestion
    from worker.advice.advise import advise
    from worker.analysis_config import InquiryConfig
    from worker.dry_run.run import dry_run
    from worker.evaluation.run import evaluate
    from worker.parent_watchdog import open_lifeline
    from worker.protocol import Answered, Failed, InquiryProgress, say
    from worker.quantization.run import quantize


def main() -> None:
    """Answer what the configuration on standard input asks; the last message is the outcome."""
    lifeline = open_lifeline()
    config = InquiryConfig.model_validate_json(lifeline.configuration)
    outcome: Answered | Failed
    try:
        outcome = Answered(result=_answer(config).model_dump(mode="json"))
    except GraftError as error:
        outcome = Failed(code=error.code, message=error.message)
    say(outcome)


def _answer(config: InquiryConfig) -> BaseModel:
    question = config.question
    if isinstance(question, AdviceQuestion):
        return advise(config, question, _tell)
    if isinstance(question, EvaluationQuestion):
        return evaluate(config, question, _tell)
    if isinstance(question, QuantizationQuestion):
        return quantize(config, question, _tell)
    return dry_run(config, question)


def _tell(done: int, total: int) -> None:
    say(InquiryProgress(done=done, total=total))


if __name__ == "__main__":
    main()
