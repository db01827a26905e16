"""Tools for models: list, promote, roll back, use."""

from typing import Annotated

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import Field

from graft_client.asynchronous.versions import CHAMPION
from graft_client.mcp.answers.base import take_page
from graft_client.mcp.answers.models import ModelLine, ModelList
from graft_client.mcp.confirmation import Confirm, Consent, ask, require_consent
from graft_client.mcp.context import ToolContext, graft_of
from graft_client.mcp.tools.arguments import Alias, Limit, Reference
from graft_client.mcp.tools.kinds import Kind, Specification
from graft_client.mcp.waits import (
    DEFAULT_WAIT_SECONDS,
    Progress,
    WaitSeconds,
    wait_for_worker,
)
from graft_client.schemas.models import Alias as AliasAnswer
from graft_client.schemas.models import ChosenModel

ModelName = Annotated[str, Field(description="Name of a model, without a version.")]


async def list_models(
    context: ToolContext,
    q: Annotated[str | None, Field(description="A part of the name.")] = None,
    limit: Limit = 20,
) -> ModelList:
    """List the registered models, with their newest version and their aliases."""
    found, has_more = await take_page(graft_of(context).models.list(q=q), limit)
    return ModelList(models=[ModelLine.of(one) for one in found], has_more=has_more)


async def _ask_to_promote(
    context: ToolContext, model: str, alias: str, confirm: str | None
) -> Consent | Elicit[Consent]:
    graft = graft_of(context)
    version = await graft.models.version(model)
    present = (await graft.models.get(version.name)).aliases.get(alias)
    now = "It does not exist yet." if present is None else f"It now points to version {present}."
    question = (
        f"Shall '{alias}' of the model '{version.name}' point to version {version.version} "
        f"(validation accuracy {version.val_accuracy:.3f})? {now}"
    )
    return ask(
        context, question, tool="promote_model", reference=version.reference, confirm=confirm
    )


async def promote_model(  # noqa: PLR0913 - the options of a promotion, and the answer to it
    context: ToolContext,
    *,
    model: Reference,
    answer: Annotated[ElicitationResult[Consent], Resolve(_ask_to_promote)],
    alias: Alias = CHAMPION,
    confirm: Confirm = None,
    wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS,
) -> AliasAnswer:
    """Point an alias of a model to a version, after the person has agreed.

    Who uses the alias gets the answers of that version from then on. The model's gate, if it has
    one, first evaluates the version and may refuse it; only a person can skip a gate, elsewhere.
    """
    del confirm  # whoever asks has read it
    require_consent(answer)
    version = await graft_of(context).models.version(model)
    return await wait_for_worker(
        Progress(context),
        lambda seconds: version.promote(alias, timeout_seconds=seconds),
        seconds=wait_seconds,
        what="The evaluation for the gate",
        tool="promote_model",
    )


async def _ask_to_roll_back(
    context: ToolContext, name: str, alias: str, confirm: str | None
) -> Consent | Elicit[Consent]:
    model = await graft_of(context).models.get(name)
    present = model.aliases.get(alias)
    now = "It does not exist." if present is None else f"It now points to version {present}."
    question = f"Shall '{alias}' of the model '{name}' point to its previous version again? {now}"
    reference = f"{name}@{alias}"
    return ask(context, question, tool="roll_back_model", reference=reference, confirm=confirm)


async def roll_back_model(
    context: ToolContext,
    *,
    name: ModelName,
    answer: Annotated[ElicitationResult[Consent], Resolve(_ask_to_roll_back)],
    alias: Alias = CHAMPION,
    confirm: Confirm = None,
) -> AliasAnswer:
    """Point an alias of a model to its previous version again, after the person has agreed."""
    del confirm  # whoever asks has read it
    require_consent(answer)
    return await graft_of(context).model(name).rollback(alias)


async def _ask_to_use(
    context: ToolContext, model: str, confirm: str | None
) -> Consent | Elicit[Consent]:
    version = await graft_of(context).models.version(model)
    question = (
        f"Shall '{model}', now version {version.version} of '{version.name}' (validation accuracy "
        f"{version.val_accuracy:.3f}), answer requests that name no model?"
    )
    return ask(context, question, tool="use_model", reference=model, confirm=confirm)


async def use_model(
    context: ToolContext,
    *,
    model: Reference,
    answer: Annotated[ElicitationResult[Consent], Resolve(_ask_to_use)],
    confirm: Confirm = None,
) -> ChosenModel:
    """Make a model the serving model, which predicts if a request names no model.

    The person must agree first. A name or an alias follows later promotions; a version does not.
    """
    del confirm  # whoever asks has read it
    require_consent(answer)
    return await graft_of(context).use(model)


TOOLS = (
    Specification(list_models, Kind.READS),
    Specification(promote_model, Kind.CHANGES),
    Specification(roll_back_model, Kind.CHANGES),
    Specification(use_model, Kind.CHANGES),
)
