"""Find the route of a request, in the order in which the router tries them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette._utils import get_route_path
from starlette.routing import BaseRoute
from starlette.types import Scope as AsgiScope

from app.access.route_scopes import find_required
from app.access.scopes import Scope


@dataclass(frozen=True)
class Requirement:
    """A route, by its method and path, with the scopes that it needs; None if it is public."""

    route: str
    scopes: tuple[Scope, ...] | None


@dataclass(frozen=True)
class _Matcher:
    pattern: re.Pattern[str]
    by_method: dict[str, Requirement]
    otherwise: Requirement | None


UNKNOWN = Requirement("", ())
"""No such route: whoever is signed in gets the router's 404, 405 or redirect."""


class RouteIndex:
    """The requirements of an application's routes, by the first segment of their paths.

    It matches with the router's own patterns in the router's own order, so that both always find
    the same route.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        indexed = [_make_matcher(context) for context in iter_route_contexts(routes)]
        self._matchers = [one for _, one in indexed]
        segments = {segment for segment, _ in indexed}
        self._by_segment = {
            segment: [one for first, one in indexed if first in {segment, None}]
            for segment in segments
        }
        self.requirements = [
            requirement
            for one in self._matchers
            for requirement in (*one.by_method.values(), one.otherwise)
            if requirement is not None
        ]

    def find(self, scope: AsgiScope) -> Requirement:
        """Return the requirement of a request's route, UNKNOWN if there is no such route."""
        path, method = get_route_path(scope), scope["method"]
        segment = path.lstrip("/").partition("/")[0]
        likely = _find(self._by_segment.get(segment, []), path, method)
        # The patterns also match a path with a newline at its end, which has another segment.
        return likely or _find(self._matchers, path, method) or UNKNOWN


def _find(matchers: Sequence[_Matcher], path: str, method: str) -> Requirement | None:
    for matcher in matchers:
        if matcher.pattern.match(path):
            found = matcher.by_method.get(method, matcher.otherwise)
            if found is not None:
                return found
    return None


def _make_matcher(context: Any) -> tuple[str | None, _Matcher]:
    """Return a route's matcher and the first segment of its path, None if that is a parameter."""
    if context.methods:
        path = context.path_format
        by_method = {one: _make_requirement(f"{one} {path}") for one in context.methods}
        matcher = _Matcher(context.path_regex, by_method, None)
    else:  # a mounted application
        path = context.path
        matcher = _Matcher(context.path_regex, {}, _make_requirement(path))
    segment = path.lstrip("/").partition("/")[0]
    return (None if "{" in segment else segment), matcher


def _make_requirement(route: str) -> Requirement:
    return Requirement(route, find_required(route))
