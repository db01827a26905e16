"""Write the reference of the HTTP API from the OpenAPI document of the service."""

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from tempfile import gettempdir
from typing import Any

from docsite.schemas import Bodies, Schema, anchor_of, in_cell

FOLDER = "reference/http-api"
BODIES_PAGE = "bodies.md"
_PROBLEM = "application/problem+json"


@cache
def read_document() -> dict[str, Any]:
    """Return the document that the service answers at `/openapi.json`, without starting it."""
    from app.main import create_app  # noqa: PLC0415 - slow to import
    from app.settings import Settings  # noqa: PLC0415 - as above

    return create_app(Settings(data_dir=gettempdir())).openapi()


_OWN_PHRASES = {"460": "Checksum Mismatch"}
"""Those of tus, which the standard does not have."""


def list_tags(document: Schema) -> list[tuple[str, str]]:
    """Return the tags in the document's order, each with its description."""
    described = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    used = (operation["tags"][0] for _, _, operation in _list_operations(document))
    return [(name, described.get(name, "")) for name in dict.fromkeys([*described, *used])]


def page_of(tag: str) -> str:
    """Return the name of a tag's page, without its folder."""
    return f"{tag.replace(' ', '-').lower()}.md"


def write_pages(document: Schema) -> dict[str, str]:
    """Return one page for each tag and one for the bodies, as Markdown by path in the site."""
    bodies = Bodies(document)
    pages = {}
    for tag, description in list_tags(document):
        parts = [f"# {tag.capitalize()}", description]
        for method, path, operation in _list_operations(document):
            if operation["tags"][0] == tag:
                parts += _write_operation(method, path, operation, bodies)
        pages[f"{FOLDER}/{page_of(tag)}"] = _join(parts)
    pages[f"{FOLDER}/{BODIES_PAGE}"] = _join(_write_bodies(bodies))
    return pages


def write_overview(document: Schema) -> str:
    """Return a table of every route, as Markdown for the page beside the folder."""
    parts = []
    for tag, description in list_tags(document):
        page = f"{FOLDER.rpartition('/')[2]}/{page_of(tag)}"
        rows = ["| route | |", "|---|---|"]
        for method, path, operation in _list_operations(document):
            if operation["tags"][0] == tag:
                link = f"{page}#{_anchor_of(method, path)}"
                rows.append(f"| [`{method} {path}`]({link}) | {operation['summary']} |")
        parts += [f"## {tag.capitalize()}", description, "\n".join(rows)]
    return _join(parts)


def _list_operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _anchor_of(method: str, path: str) -> str:
    return "-".join([method.lower(), *path.strip("/").replace("{", "").replace("}", "").split("/")])


def _write_operation(method: str, path: str, operation: Schema, bodies: Bodies) -> Iterator[str]:
    yield f"## {operation['summary']} {{ #{_anchor_of(method, path)} }}"
    yield f"```http\n{method} {path}\n```"
    yield operation.get("description", "")
    parameters = operation.get("parameters", [])
    if parameters:
        yield "**Parameters**"
        head = ["| name | in | type | meaning |", "|---|---|---|---|"]
        yield "\n".join(head + [_write_parameter(one, bodies) for one in parameters])
    for content_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        name = bodies.name_type(schema, page=BODIES_PAGE) if "$ref" in schema else ""
        yield f"**Body** `{content_type}` {name}".rstrip()
        if rows := bodies.list_fields(schema, page=BODIES_PAGE):
            yield "\n".join(rows)
    yield "**Answers**"
    yield _write_answers(operation["responses"], bodies)
    yield from _write_example(operation["responses"], bodies)


def _write_parameter(parameter: Schema, bodies: Bodies) -> str:
    schema = parameter.get("schema", {})
    meaning = in_cell(parameter.get("description", ""))
    if schema.get("default") is not None:
        meaning += f" Default: `{json.dumps(schema['default'])}`."
    if parameter.get("required"):
        meaning += " Required."
    kind = in_cell(bodies.name_type(schema, page=BODIES_PAGE))
    return f"| `{parameter['name']}` | {parameter['in']} | {kind} | {meaning} |"


def _write_answers(responses: Schema, bodies: Bodies) -> str:
    rows = ["| status | body | meaning |", "|---|---|---|"]
    for status, response in sorted(responses.items()):
        kinds = []
        for content_type, content in response.get("content", {}).items():
            named = "$ref" in content.get("schema", {})
            body = bodies.name_type(content["schema"], page=BODIES_PAGE) if named else ""
            kinds.append(body or f"`{content_type}`")
        phrase = _OWN_PHRASES.get(status) or HTTPStatus(int(status)).phrase
        meaning = in_cell(response.get("description", ""))
        rows.append(f"| {status} {phrase} | {', '.join(dict.fromkeys(kinds))} | {meaning} |")
    return "\n".join(rows)


def _write_example(responses: Schema, bodies: Bodies) -> Iterator[str]:
    for status, response in sorted(responses.items()):
        for content_type, content in response.get("content", {}).items():
            if not status.startswith("2") or content_type != "application/json":
                continue
            example = content.get("example") or bodies.make_example(content.get("schema", {}))
            if example:
                text = json.dumps(example, indent=2, ensure_ascii=False)
                block = f"```json\n{text}\n```".replace("\n", "\n    ")
                yield f'??? example "Example of an answer with status {status}"\n\n    {block}'
                return


def _write_bodies(bodies: Bodies) -> Iterator[str]:
    yield "# Bodies"
    yield "The objects that requests and answers are made of, by name."
    for name in sorted(bodies.schemas, key=str.lower):
        schema = bodies.schemas[name]
        yield f"## {name} {{ #{anchor_of(name)} }}"
        yield schema.get("description", "")
        rows = bodies.list_fields(schema, page="")
        yield "\n".join(rows) if rows else bodies.name_type(schema, page="")


def _join(parts: list[str] | Iterator[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
