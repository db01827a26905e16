"""Answers that can be asked for again: the Idempotency-Key of a POST that creates.

The answer is committed in the transaction that creates, so a caller whose connection broke between
commit and reply gets the same answer from the same request.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import IdempotentAnswer
from app.errors import IdempotencyConflict


@dataclass(frozen=True)
class Idempotency:
    """The key of one request, or none."""

    route: str
    key: str | None

    def find_answer(self, session: Session, fingerprint: str) -> JSONResponse | None:
        """The answer given before, if any; raises IdempotencyConflict if the body was another."""
        if self.key is None:
            return None
        stored = session.get(IdempotentAnswer, (self.route, self.key))
        if stored is None:
            return None
        if stored.fingerprint != fingerprint:
            raise _conflict()
        return JSONResponse(stored.body, stored.status, dict(stored.headers))

    def answer(
        self, session: Session, body: BaseModel, *, status: int, location: str, fingerprint: str
    ) -> JSONResponse:
        """The answer for what was just created, kept for the next time."""
        headers = {"Location": location}
        content = body.model_dump(mode="json")
        if self.key is not None:
            stored = IdempotentAnswer(
                route=self.route,
                key=self.key,
                fingerprint=fingerprint,
                status=status,
                headers=headers,
                body=content,
            )
            session.add(stored)
            try:
                session.flush()
            except IntegrityError as error:  # the same key arrived twice at once
                raise IdempotencyConflict(
                    "Another request with this Idempotency-Key is being answered; try again."
                ) from error
        return JSONResponse(content, status, headers)


def fingerprint_of(body: BaseModel) -> str:
    """A digest that is the same for requests that say the same."""
    return sha256(body.model_dump_json(exclude_unset=True).encode()).hexdigest()


def _conflict() -> IdempotencyConflict:
    return IdempotencyConflict(
        "This Idempotency-Key was used with another body; use a new key for a new request."
    )


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
