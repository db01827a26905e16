"""Store the responses of POST requests with an Idempotency-Key, and return them on a retry.

The response is committed with the resource that it describes. A client whose connection broke after
the commit gets the same response when it repeats the request.
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
from app.db.tenancy import owning_tenant
from app.errors import IdempotencyConflict
from app.web.text import TEXT_PATTERN


class Created(NamedTuple):
    """A created resource: the body of the response and the resource's location."""

    body: BaseModel
    location: str


@dataclass(frozen=True)
class Idempotency:
    """The Idempotency-Key of a request, if it has one."""

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
        """Return the stored response, or call `create`; the flag is True if it was called.

        Raises IdempotencyConflict if the key was used with another body, or is in use.
        """
        key = (owning_tenant(), self.route, self.key)
        stored = session.get(IdempotentAnswer, key) if self.key else None
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
    """Return a digest of a body and of the digests of its files."""
    text = body.model_dump_json(exclude_unset=True)
    return sha256("".join([*digests, text]).encode()).hexdigest()


def _keep(session: Session, answer: IdempotentAnswer) -> None:
    session.add(answer)
    try:
        session.flush()
    except IntegrityError as error:  # a concurrent request has used the same key
        raise IdempotencyConflict(
            "Another request with this Idempotency-Key is in progress; try again later."
        ) from error


def _idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=TEXT_PATTERN,
            description="Any text; a request with the same key and body gets the same response.",
        ),
    ] = None,
) -> Idempotency:
    return Idempotency(f"{request.method} {request.url.path}", idempotency_key)


IdempotencyDep = Annotated[Idempotency, Depends(_idempotency)]
