"""The gate of a model."""

from typing import Annotated, Literal

import typer

from graft_client.console import views
from graft_client.console.finding import find_dataset
from graft_client.console.options import ModelName, Split
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command()
@uses_service
def gate(  # noqa: PLR0913 - the fields of a gate
    session: Session,
    name: ModelName,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="Dataset to compare on: id, name or `last`; without it the gate is shown.",
        ),
    ] = None,
    *,
    split: Split = None,
    max_class_drop: Annotated[
        float, typer.Option(min=0, max=1, help="Largest allowed decrease of a class's recall.")
    ] = 0.05,
    significance: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="A difference with a lower p value is significant."),
    ] = None,
    require: Annotated[
        Literal["not_worse", "better"],
        typer.Option(help="Required result of the comparison with the champion."),
    ] = "not_worse",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the gate.")] = False,
) -> None:
    """Set, show or remove the gate that a champion must pass."""
    if remove and dataset is not None:
        refuse("--remove takes no DATASET; leave out one of the two.")
    with session.connect() as graft:
        model = graft.model(name)
        if dataset is None:
            found = model.gate()
            if remove:
                model.delete_gate()
        else:
            rule = {"max_class_drop": max_class_drop, "require": require}
            if significance is not None:
                rule["significance"] = significance
            found = model.set_gate(find_dataset(graft, dataset), split=split, **rule)
    if remove:
        session.show(found, lambda: [f"Removed the gate of {name}; every version may pass now."])
    else:
        session.show(found, lambda: views.models.gate_parts(name, found))
