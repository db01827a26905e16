"""What a job's model is worth."""

from graft_client.resources.base import Resource


class ClassFigures(Resource):
    """How a model does on one class, 0-1; None where a figure would be 0/0."""

    class_name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class SplitFigures(Resource):
    """How a model does on a split; rows of the confusion matrix are true classes."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    per_class: list[ClassFigures]
    confusion_matrix: list[list[int]]


class Calibration(Resource):
    """How far confidence can be believed: errors are 0-1, before and after the temperature."""

    temperature: float
    error_before: float
    error_after: float | None


class Mistake(Resource):
    """A validation image that the model took for another class."""

    image_id: int
    path: str
    label: str
    predicted: str
    probability: float


class LabelError(Resource):
    """A training image that looks like another class than its own."""

    image_id: int
    path: str
    label: str
    suggested_label: str
    probability: float


class LabelCheck(Resource):
    """The training images that may be labelled wrongly; None where none could be judged."""

    num_images: int
    num_suspects: int
    suspects: list[LabelError] | None
    reason: str | None


class Report(SplitFigures):
    """What a job's model is worth; the figures at the top are of the validation split."""

    job_id: str
    class_names: list[str]
    test: SplitFigures | None
    calibration: Calibration
    mistakes: list[Mistake]
    label_check: LabelCheck
