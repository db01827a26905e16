"""The Python client parses every response of the service."""

import pytest
from pydantic import BaseModel

from app.batches import schemas as batches
from app.evaluations import schemas as evaluation_schemas
from app.models import event_schemas
from app.predictions import schemas as predictions
from app.promotions import alias_schemas
from app.promotions import schemas as gate_schemas
from app.quantization import schemas as quantization_schemas
from app.serving import schemas as serving_schemas
from graft_client.resources import models as client_models
from graft_client.resources import predictions as client_predictions


@pytest.mark.parametrize(
    ("read", "answered"),
    [
        (client_models.Alias, alias_schemas.AliasDetail),
        (client_models.ChosenModel, serving_schemas.ChosenModel),
        (client_models.Evaluation, evaluation_schemas.Evaluation),
        (client_models.Gate, gate_schemas.Gate),
        (client_models.GateResult, gate_schemas.GateVerdict),
        (client_models.ModelEvent, event_schemas.RegistryEventDetail),
        (client_models.Quantization, quantization_schemas.Quantization),
        (client_models.Shadow, serving_schemas.Shadow),
        (client_models.ShadowCounts, serving_schemas.ShadowCounts),
        (client_predictions.Batch, batches.BatchDetail),
        (client_predictions.BatchCounts, batches.BatchCounts),
        (client_predictions.BatchProgress, batches.BatchProgress),
        (client_predictions.Explanation, predictions.SeenAt),
        (client_predictions.ImagePredictions, predictions.SinglePrediction),
        (client_predictions.LabelSet, predictions.LabelSet),
        (client_predictions.Novelty, predictions.NoveltyFigures),
        (client_predictions.Prediction, predictions.Prediction),
    ],
)
def test_every_field_that_is_read_is_answered(
    read: type[BaseModel], answered: type[BaseModel]
) -> None:
    assert read.model_fields.keys() <= answered.model_fields.keys()
