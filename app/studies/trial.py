"""The trials of a study, and the locations of their problems in the study's request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.errors import InputProblem, ValidationFailed
from app.recipes.schemas import JobRequest
from app.studies.request_schemas import Changes

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """The location of a configuration in the study's request.

    origin is the location of its changes, and keys are the dotted paths of the fields that they
    set. The keys of a drawn configuration are those of the search space.
    """

    origin: Loc
    keys: tuple[str, ...]
    base: frozenset[str]
    is_drawn: bool

    def locate(self, path: Loc) -> Loc:
        """Return the location in the study's request of a field of a job's request.

        The empty path stands for the whole configuration.
        """
        if not path:
            return self.origin
        for key in self.keys:
            parts = tuple(key.split("."))
            if path[: len(parts)] == parts or parts[: len(path)] == path:
                return (*self.origin, key) if self.is_drawn else (*self.origin, *path)
        is_shared = self.is_drawn or path[0] in self.base
        return ("body", "base", *path) if is_shared else (*self.origin, *path)


@dataclass(frozen=True)
class Trial:
    """One configuration: its changes to the base, and the job request that they lead to.

    number counts from 1. The seed of request is a placeholder; see make_request.
    """

    number: int
    name: str
    changes: Changes
    source: Source
    request: JobRequest

    def make_request(self, seed: int) -> JobRequest:
        """Return the job request with a seed."""
        return self.request.model_copy(update={"seed": seed})


class ProblemCollector:
    """Collects the problems of a study's request, without duplicates."""

    def __init__(self) -> None:
        self._found: dict[InputProblem, None] = {}

    def add(self, *problems: InputProblem) -> None:
        self._found |= dict.fromkeys(problems)

    @contextmanager
    def collecting(self, source: Source) -> Iterator[None]:
        """Collect the problems of a job's request, with their locations in the study's request."""
        try:
            yield
        except ValidationFailed as error:
            for problem in error.problems:
                path = problem.loc[1:] if problem.loc[:1] == ("body",) else problem.loc
                self.add(replace(problem, loc=source.locate(path)))

    def raise_if_any(self) -> None:
        """Raise ValidationFailed with all problems, if there are any."""
        if self._found:
            raise ValidationFailed(*self._found)
