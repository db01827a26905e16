"""Ask the person before something changes what the service answers."""

from typing import Annotated

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Elicit
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from graft_client.mcp.context import ToolContext

Confirm = Annotated[
    str | None,
    Field(
        description="Leave it out at first. Where the client cannot ask the person itself, the "
        "answer says what to repeat here once the person has agreed."
    ),
]


class Consent(BaseModel):
    """The person's answer."""

    confirmed: bool = Field(description="Yes, change it.")


def ask(
    context: ToolContext, question: str, *, tool: str, reference: str, confirm: str | None
) -> Consent | Elicit[Consent]:
    """Return the question to the person, or the consent that the call itself carries.

    A client that can show a question shows it, whatever `confirm` is. With any other client,
    `confirm` must repeat the reference; raises ToolError if it does not.
    """
    if _can_ask(context):
        return Elicit(question, Consent)
    if confirm is None:
        raise ToolError(
            f"{question} Nothing has changed yet. Ask the person; if they agree, call `{tool}` "
            f"again with `confirm` set to '{reference}'."
        )
    if confirm != reference:
        raise ToolError(
            f"`confirm` is '{confirm}'; it must be '{reference}', which is what would change. "
            "Nothing has changed."
        )
    return Consent(confirmed=True)


def require_consent(answer: ElicitationResult[Consent]) -> None:
    """Raise ToolError unless the person has agreed."""
    if not (isinstance(answer, AcceptedElicitation) and answer.data.confirmed):
        raise ToolError("The person did not agree. Nothing has changed; do not try again.")


def _can_ask(context: ToolContext) -> bool:
    """Return whether the client shows forms; one that names no kind shows them, too."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
