"""ASGI middleware that checks and adds the headers which every tus message has."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.upload_errors import TusVersionUnsupported
from app.uploads.schemas import VERSION
from app.web.problems import problem_response

PATH = "/uploads"


class TusVersion:
    """Refuse requests below `/uploads` in another version of tus, before their body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PATH or path.startswith(f"{PATH}/")):
            await self.app(scope, receive, send)
            return

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                headers.setdefault("Cache-Control", "no-store")
                if message["status"] == 412:  # noqa: PLR2004 - as tus requires
                    headers["Tus-Version"] = VERSION
            await send(message)

        sent = Headers(scope=scope).get("tus-resumable")
        if scope["method"] == "OPTIONS" or sent == VERSION:
            await self.app(scope, receive, send_with_version)
            return
        error = TusVersionUnsupported(
            f"The header Tus-Resumable is {f'{sent[:40]!r}' if sent else 'missing'}; it must be "
            f"{VERSION}."
        )
        answer = problem_response(
            error, instance=path, request_id=str(scope.get("graft.request_id", ""))
        )
        await answer(scope, receive, send_with_version)
