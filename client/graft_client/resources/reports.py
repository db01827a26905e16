"""The report of a job: metrics, calibration, mistakes and label errors."""

from graft_client.resources.base import Resource


class ClassFigures(Resource):
    """Metrics of one class, 0-1; None where a metric would be 0/0."""

    class_name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class SplitFigures(Resource):
    """Metrics on one split; rows of the confusion matrix are true classes."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    per_class: list[ClassFigures]
    confusion_matrix: list[list[int]]


class Calibration(Resource):
    """Calibration errors, 0-1, before and after temperature scaling."""

    temperature: float
    error_before: float
    error_after: float | None


class Mistake(Resource):
    """A misclassified validation image."""

    image_id: int
    path: str
    label: str
    predicted: str
    probability: float


class LabelError(Resource):
    """A training image that is probably labelled wrongly."""

    image_id: int
    path: str
    label: str
    suggested_label: str
    probability: float


class LabelCheck(Resource):
    """Suspected label errors; suspects is None if no label could be checked."""

    num_images: int
    num_suspects: int
    suspects: list[LabelError] | None
    reason: str | None


class Report(SplitFigures):
    """The report of a job; the metrics at the top level are of the validation split."""

    job_id: str
    class_names: list[str]
    test: SplitFigures | None
    calibration: Calibration
    mistakes: list[Mistake]
    label_check: LabelCheck
