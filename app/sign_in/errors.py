"""Errors of signing in at the OpenID provider."""

from app.errors import Unauthenticated


class SignInExpired(Unauthenticated):
    """The provider's answer belongs to no sign-in of this browser, or came too late."""

    code = "SIGN_IN_EXPIRED"


class SignInRefused(Unauthenticated):
    """The OpenID provider has refused the sign-in, or the person has cancelled it."""

    code = "SIGN_IN_REFUSED"
