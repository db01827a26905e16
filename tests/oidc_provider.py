"""An OpenID provider on loopback, which signs everybody in as its current person."""

import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.servers import find_free_port

CLIENT_ID = "graft"


class OidcProvider:
    """What a provider knows: its key, its person, and the codes that it has given out."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = _make_key()
        self.person: dict[str, Any] = {"sub": "ada", "name": "Ada Lovelace"}
        self.changes: dict[str, Any] = {}
        """Claims of the next tokens that differ from the right ones."""
        self.num_key_requests = 0
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with a new key, and forget the old one."""
        self.key = _make_key()

    def make_token(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return a token for this service, which lives for five minutes."""
        moment = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": moment, "exp": moment + 300}
        claims |= self.person | self.changes | changes
        return jwt.encode(
            header or {"alg": "RS256", "kid": self.key.kid},
            {name: value for name, value in claims.items() if value is not None},
            self.key,
        )

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/keys", self._list_keys),
                Route("/authorize", self._authorize),
                Route("/token", self._redeem, methods=["POST"]),
            ]
        )

    async def _discover(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def _list_keys(self, _request: Request) -> Response:
        self.num_key_requests += 1
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = query
        answer = urlencode({"code": code, "state": query["state"]})
        return RedirectResponse(f"{query['redirect_uri']}?{answer}")

    async def _redeem(self, request: Request) -> Response:
        form = await request.form()
        query = self._codes.pop(str(form["code"]), None)
        digest = sha256(str(form["code_verifier"]).encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or challenge != query["code_challenge"]
            or form["redirect_uri"] != query["redirect_uri"]
            or form["client_id"] != query["client_id"] != CLIENT_ID
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return JSONResponse(
            {"id_token": self.make_token(**{"nonce": query["nonce"]} | self.changes)}
        )


@contextmanager
def running_provider() -> Iterator[OidcProvider]:
    """Run a provider until the block ends."""
    port = find_free_port()
    provider = OidcProvider(port)
    config = uvicorn.Config(provider.application(), port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield provider
    finally:
        server.should_exit = True
        thread.join()


def _make_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})
