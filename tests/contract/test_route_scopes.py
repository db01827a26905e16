"""Every route declares the scopes that it needs."""

from app.access.route_matching import RouteIndex
from app.access.route_scopes import PUBLIC, REQUIRED, find_required
from app.access.scopes import ROLES, SCOPES
from app.main import create_app
from app.settings import Settings
from tests.contract.operations import METHODS, example_of, list_operations


def test_every_route_has_scopes_or_is_public() -> None:
    index = RouteIndex(create_app(Settings(), predicts=False).routes)
    routes = {one.route for one in index.requirements}
    assert routes - PUBLIC - REQUIRED.keys() == set(), "declare them in app.access.route_scopes"
    assert (PUBLIC | REQUIRED.keys()) - routes == set(), "there are no such routes"
    assert PUBLIC & REQUIRED.keys() == set()


def test_every_operation_of_the_document_is_found_by_its_path() -> None:
    index = RouteIndex(create_app(Settings(), predicts=False).routes)
    for method, path in list_operations():
        for suffix in ("", "\n"):  # the router's patterns match a newline at the end
            request = {"type": "http", "method": method, "path": example_of(path) + suffix}
            assert index.find(request).route == f"{method} {path}"


def test_a_route_that_nobody_has_declared_needs_an_administrator() -> None:
    assert find_required("GET /new") == ("admin",)


def test_the_document_lists_the_scopes_of_every_operation() -> None:
    document = create_app(Settings(), predicts=False).openapi()
    (scheme,) = document["components"]["securitySchemes"].items()
    assert (scheme[1]["type"], scheme[1]["scheme"]) == ("http", "bearer")
    for path, item in document["paths"].items():
        for method in set(item) & set(METHODS):
            required = find_required(f"{method.upper()} {path}")
            declared = item[method]["security"]
            assert declared == ([] if required is None else [{scheme[0]: list(required)}])
            if required is not None:
                assert "401" in item[method]["responses"]
            for scope in required or ():
                assert f"`{scope}`" in item[method]["description"]


def test_roles_are_sets_of_scopes() -> None:
    assert ROLES["viewer"] < ROLES["trainer"] < set(SCOPES)
    assert {"datasets:write", "jobs:write", "models:write"} & ROLES["viewer"] == set()
    assert {"admin", "metrics"} & ROLES["trainer"] == set()
