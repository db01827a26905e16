"""Show a failed sign-in to a person, whose browser has left the dashboard for it."""

import logging
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.errors import GraftError

log = logging.getLogger(__name__)

SIGN_IN_PAGE = "/ui/sign-in"


def show_problem(request: Request, error: GraftError, next_page: str) -> Response:
    """Redirect a browser to the dashboard's sign-in page; raise the error to other clients.

    The page gets the error's code alone, so that a made-up address can put no words on it.
    """
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    log.warning("a sign-in has failed: %s %r", error.code, error.message)
    query = urlencode({"problem": error.code, "next": next_page})
    return RedirectResponse(
        f"{SIGN_IN_PAGE}?{query}", status_code=303, headers={"Cache-Control": "no-store"}
    )
