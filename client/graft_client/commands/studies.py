"""Create, list and show studies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_client.console import views
from graft_client.console.finding import find_dataset, find_study
from graft_client.console.options import DEFAULT_LIMIT, Limit, Search
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service
from graft_client.console.values import read_json_file
from graft_client.console.watching import follow_study
from graft_client.errors import NotFound

if TYPE_CHECKING:
    from graft_client.schemas.studies import FieldImportance
    from graft_client.synchronous.graft import Graft
    from graft_client.synchronous.studies import Study

app = typer.Typer()


@app.command()
@uses_service
def study(
    session: Session,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID",
            help="A JSON file with the body of `POST /studies` (`-`: standard input) to create a "
            "study; or the id, its beginning, the name or `last` to show one.",
            show_default=False,
        ),
    ],
    *,
    dataset: Annotated[
        str | None, typer.Option(help="Dataset of a new study, in place of the file's.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Wait until all its runs have ended.")
    ] = False,
) -> None:
    """Create a study from a file, or show the ranking of one."""
    is_file = source == "-" or source.endswith(".json") or Path(source).is_file()
    if dataset is not None and not is_file:
        refuse("--dataset needs a FILE; the dataset of a study that exists cannot be changed.")
    body = read_json_file(Path(source)) if is_file else None
    with session.connect() as graft:
        found = find_study(graft, source) if body is None else _create(graft, body, dataset)
        if watch:
            follow_study(graft, found)
        session.show(found, lambda: views.studies.study_parts(found, _read_importance(found)))


@app.command()
@uses_service
def studies(session: Session, *, search: Search = None, limit: Limit = DEFAULT_LIMIT) -> None:
    """List studies, newest first."""
    with session.connect() as graft:
        found = graft.studies.list(q=search).take(limit)
    session.show(found, lambda: [views.studies.studies_table(found)])


def _read_importance(study: "Study") -> "list[FieldImportance]":
    """Return what mattered in a search that has ended; services before 0.3 cannot tell."""
    if not study.is_terminal or study.search is None:
        return []
    try:
        return study.importance()
    except NotFound:
        return []


def _create(graft: "Graft", body: dict[str, object], dataset: str | None) -> "Study":
    """Create a study; the service checks its fields."""
    name = dataset or body.get("dataset_id")
    if not isinstance(name, str):
        refuse("The study has no dataset; give --dataset, or `dataset_id` in the file.")
    from graft_client.synchronous.studies import Study  # noqa: PLC0415 - help does without

    request = body | {"dataset_id": find_dataset(graft, name).id}
    answer = graft.connection.send("POST", "/studies", json=request, is_creation=True)
    return Study.read(graft.connection, answer)
