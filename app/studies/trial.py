"""One configuration of a study, and where in the study's request its parts stand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.errors import InputProblem, ValidationFailed
from app.recipes.schemas import JobRequest
from app.studies.request_schemas import Changes

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """Where a configuration was written down.

    origin is the place of its changes, keys the fields they set by their dotted path; a drawn one
    has its keys as they stand in the space.
    """

    origin: Loc
    keys: tuple[str, ...]
    base: frozenset[str]
    is_drawn: bool

    def locate(self, path: Loc) -> Loc:
        """Where a field of a run's request was set, or could be; () is all of it."""
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
    """One configuration: what it changes about the base, and a run's request with any seed.

    number counts from 1.
    """

    number: int
    name: str
    changes: Changes
    source: Source
    request: JobRequest

    def make_request(self, seed: int) -> JobRequest:
        """The request of the run with a seed."""
        return self.request.model_copy(update={"seed": seed})


class ProblemCollector:
    """Everything that is wrong with a study, each thing once."""

    def __init__(self) -> None:
        self._found: dict[InputProblem, None] = {}

    def add(self, *problems: InputProblem) -> None:
        self._found |= dict.fromkeys(problems)

    @contextmanager
    def collecting(self, source: Source) -> Iterator[None]:
        """Keep what is wrong with a run's request, told in terms of the study's."""
        try:
            yield
        except ValidationFailed as error:
            for problem in error.problems:
                path = problem.loc[1:] if problem.loc[:1] == ("body",) else problem.loc
                self.add(replace(problem, loc=source.locate(path)))

    def raise_if_any(self) -> None:
        """Raises ValidationFailed with all of them, if there are any."""
        if self._found:
            raise ValidationFailed(*self._found)
