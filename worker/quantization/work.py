"""Handle quantization tasks: register the int8 file that a child has written as a version."""

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.quantization.schemas import QuantizationParameters, QuantizationResult
from app.quantization.service import register_quantized
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks.service import Lease
from worker.analysis_work import AnalysisWork
from worker.protocol import AnalysisDone, Message


class QuantizationWork(AnalysisWork):
    """The kind `quantize`: its subject is an analysis request about a dataset and a version."""

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        super().__init__("worker.quantization", settings, storage)

    def place(self, lease: Lease) -> str:
        return (
            lease.file_folder + f"quantized/{lease.subject_id}/{lease.item_id}-{lease.fence}.onnx"
        )

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if not isinstance(message, AnalysisDone):
            return []
        analysis = analyses.get_request(session, lease.subject_id)
        question = QuantizationParameters.model_validate(analysis.parameters)
        answer = QuantizationResult.model_validate(message.result)
        registered = register_quantized(session, question, answer, key=self.place(lease))
        if registered is None:
            reason = f"{question.name}:{question.version} was deleted."
            analyses.fail(session, analysis.id, "NOT_FOUND", reason)
            return [self.place(lease)]
        analyses.complete(session, analysis.id, registered.model_dump(mode="json"))
        return []
