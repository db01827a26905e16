"""Handle quantization tasks: register the int8 file that a child has written as a version."""

from sqlalchemy.orm import Session

from app.analyses import service as inquiries
from app.quantization.schemas import QuantizationAnswer, QuantizationQuestion
from app.quantization.service import register_quantized
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks.service import Lease
from worker.analysis_work import AnalysisWork
from worker.protocol import Answered, Message


class QuantizationWork(AnalysisWork):
    """The kind `quantize`: its subject is an analysis request about a dataset and a version."""

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        super().__init__("worker.quantization", settings, storage)

    def place(self, lease: Lease) -> str:
        return f"quantized/{lease.subject_id}/{lease.item_id}-{lease.fence}.onnx"

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if not isinstance(message, Answered):
            return []
        inquiry = inquiries.get_inquiry(session, lease.subject_id)
        question = QuantizationQuestion.model_validate(inquiry.parameters)
        answer = QuantizationAnswer.model_validate(message.result)
        registered = register_quantized(session, question, answer, key=self.place(lease))
        if registered is None:
            reason = f"{question.name}:{question.version} was deleted."
            inquiries.fail(session, inquiry.id, "NOT_FOUND", reason)
            return [self.place(lease)]
        inquiries.answer(session, inquiry.id, registered.model_dump(mode="json"))
        return []
