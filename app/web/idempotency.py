"""Answers that can be asked for again: the Idempotency-Key of a POST that creates.

The answer is committed in the transaction that creates, so a caller whose connection broke between
commit and reply gets the same answer from the same request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, NamedTuple

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import IdempotentAnswer
from app.errors import IdempotencyConflict


class Created(NamedTuple):
    """What a request has made: the body of the answer, and where it can be looked at."""

    body: BaseModel
    location: str


@dataclass(frozen=True)
class Idempotency:
    """The key of one request, or none."""

    route: str
    key: str | None

    def answer_once(
        self,
        session: Session,
        fingerprint: str,
        create: Callable[[], Created],
        *,
        status: int = 202,
    ) -> tuple[JSONResponse, bool]:
        """The answer given before, or that for what `create` makes now; and whether it made it.

        Raises IdempotencyConflict where the key was used with another body, or is being used.
        """
        stored = session.get(IdempotentAnswer, (self.route, self.key)) if self.key else None
        if stored is not None:
            if stored.fingerprint != fingerprint:
                raise IdempotencyConflict(
                    "This Idempotency-Key was used with another body; use a new key for a new "
                    "request."
                )
            return JSONResponse(stored.body, stored.status, dict(stored.headers)), False
        created = create()
        content, headers = created.body.model_dump(mode="json"), {"Location": created.location}
        if self.key is not None:
            _keep(
                session,
                IdempotentAnswer(
                    route=self.route,
                    key=self.key,
                    fingerprint=fingerprint,
                    status=status,
                    headers=headers,
                    body=content,
                ),
            )
        return JSONResponse(content, status, headers), True


def fingerprint_of(body: BaseModel, *digests: str) -> str:
    """A digest that is the same for requests that say the same and send files of these digests."""
    said = body.model_dump_json(exclude_unset=True)
    return sha256("".join([*digests, said]).encode()).hexdigest()


def _keep(session: Session, answer: IdempotentAnswer) -> None:
    session.add(answer)
    try:
        session.flush()
    except IntegrityError as error:  # the same key arrived twice at once
        raise IdempotencyConflict(
            "Another request with this Idempotency-Key is being answered; try again."
        ) from error


def _idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="Any text of yours; the same key and body give the same answer again.",
        ),
    ] = None,
) -> Idempotency:
    return Idempotency(f"{request.method} {request.url.path}", idempotency_key)


IdempotencyDep = Annotated[Idempotency, Depends(_idempotency)]
