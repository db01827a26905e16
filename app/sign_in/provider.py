"""An OpenID provider: its keys, its tokens, and the authorization code flow with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE); RFC 8725 (JWT best practice).
"""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.errors import Unauthenticated, Unavailable
from app.settings import Settings

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signatures by a key that the provider keeps to itself; `none` and HMAC are refused."""

LEEWAY_SECONDS = 30
"""Difference of clocks that the times of a token may have."""

_KEYS_SECONDS = 3600.0
_RELOAD_SECONDS = 60.0
"""Time between two reloads for tokens with an unknown key."""

_TIMEOUT_SECONDS = 10.0
_MAX_TOKEN = 16_384


@dataclass(frozen=True)
class _Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Provider:
    """The provider of the settings; belongs to one event loop. It is asked when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issuer = settings.oidc_issuer
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._loading = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()

    async def make_authorization_url(
        self, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        """Return the address at which a person signs in; raises Unavailable."""
        metadata = await self._find_metadata()
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": make_challenge(verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"

    async def redeem(
        self, code: str, *, redirect_uri: str, verifier: str, nonce: str
    ) -> Mapping[str, Any]:
        """Exchange a code for the claims of the ID token.

        Raises Unauthenticated if the provider refuses the code or the token does not fit, and
        Unavailable if the provider does not respond.
        """
        metadata = await self._find_metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._settings.oidc_client_id,
            "code_verifier": verifier,
        }
        if self._settings.oidc_client_secret:
            form["client_secret"] = self._settings.oidc_client_secret
        try:
            answer = await self._http.post(metadata.token_endpoint, data=form)
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Unavailable("The OpenID provider failed; try again later.")
        token = _json_of(answer).get("id_token") if answer.is_success else None
        if not isinstance(token, str):
            raise Unauthenticated(
                "The OpenID provider did not accept the sign-in; sign in again.", is_invalid=True
            )
        claims = await self.verify(token, audience=self._settings.oidc_client_id)
        if claims.get("nonce") != nonce:
            raise _invalid("its `nonce` is that of another sign-in")
        return claims

    async def verify(self, token: str, *, audience: str) -> Mapping[str, Any]:
        """Return the claims of a token of this provider, for this audience, that has not expired.

        Raises Unauthenticated for any other token, and Unavailable if the keys cannot be fetched.
        """
        if len(token) > _MAX_TOKEN:
            raise _invalid("it is too long")
        try:
            decoded = await self._decode(token)
        except JoseError as error:
            raise _invalid("its signature does not fit the provider's keys") from error
        except ValueError as error:
            raise _invalid("it is no JSON Web Token") from error
        required = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        try:
            required.validate(decoded.claims)
        except JoseError as error:
            raise _invalid(f"{error.description or error.error}") from error
        return decoded.claims

    async def _decode(self, token: str) -> jwt.Token:
        keys = await self._find_keys(_KEYS_SECONDS)
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            reloaded = await self._find_keys(_RELOAD_SECONDS)
            if reloaded is keys:
                raise
            return jwt.decode(token, reloaded, algorithms=ALGORITHMS)

    async def _find_metadata(self) -> _Metadata:
        if self._metadata is None:
            found = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Unavailable(
                    f"The OpenID provider calls itself '{found.get('issuer')}', and "
                    f"GRAFT_OIDC_ISSUER is '{self.issuer}'; they must be equal."
                )
            try:
                self._metadata = _Metadata(
                    **{name: str(found[name]) for name in _Metadata.__annotations__}
                )
            except KeyError as error:
                raise Unavailable(f"The OpenID provider's metadata lacks {error}.") from error
        return self._metadata

    async def _find_keys(self, max_age: float) -> KeySet:
        """Return the provider's keys, fetched at most this many seconds ago."""
        async with self._loading:
            if self._keys is None or time.monotonic() - self._keys_at > max_age:
                metadata = await self._find_metadata()
                found = await self._get(metadata.jwks_uri)
                try:
                    self._keys = KeySet.import_key_set({"keys": list(found.get("keys", []))})
                except (JoseError, TypeError, ValueError) as error:
                    raise Unavailable("The OpenID provider's keys cannot be read.") from error
                self._keys_at = time.monotonic()
            return self._keys

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            answer = (await self._http.get(url)).raise_for_status()
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        return _json_of(answer)


def make_challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _json_of(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise Unavailable("The OpenID provider did not answer with JSON.") from error
    return found if isinstance(found, dict) else {}


def _unavailable(error: httpx.HTTPError) -> Unavailable:
    return Unavailable(f"The OpenID provider does not respond ({type(error).__name__}); try again.")


def _invalid(reason: str) -> Unauthenticated:
    return Unauthenticated(
        f"The token of the OpenID provider is not valid: {reason}. Sign in again.", is_invalid=True
    )
