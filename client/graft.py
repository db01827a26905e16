"""The service, seen from Python."""

from client.calls.datasets import DatasetCalls
from client.calls.jobs import JobCalls
from client.calls.models import ModelCalls
from client.calls.predictions import PredictionCalls
from client.calls.studies import StudyCalls


class Graft(DatasetCalls, JobCalls, StudyCalls, ModelCalls, PredictionCalls):
    """A connection to the service; close it, or use it as a context manager.

    Every method raises ApiError for what the service refuses and httpx.TransportError where it
    cannot be reached.
    """
