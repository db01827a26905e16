"""The main class of the client."""

from graft_client.calls.datasets import DatasetCalls
from graft_client.calls.jobs import JobCalls
from graft_client.calls.models import ModelCalls
from graft_client.calls.predictions import PredictionCalls
from graft_client.calls.studies import StudyCalls


class Graft(DatasetCalls, JobCalls, StudyCalls, ModelCalls, PredictionCalls):
    """A connection to the service; close it, or use it as a context manager.

    Every method raises ApiError if the service rejects a request, and httpx.TransportError if it
    cannot be reached. Methods that wait have a parameter timeout_seconds (None: no limit) and raise
    WaitTimeout.
    """
