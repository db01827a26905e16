"""Errors of requests that no route is reached by, or whose body is of the wrong type."""

from app.errors import InputError, ValidationFailed


class UnsupportedMediaType(ValidationFailed):
    """The body has another content type than the route expects."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class BadRequest(InputError):
    """The request is not well-formed HTTP/1.1."""

    code = "BAD_REQUEST"


class HeadersTooLarge(InputError):
    """The request's headers are larger than allowed."""

    code = "HEADERS_TOO_LARGE"


class RequestTimeout(InputError):
    """The request's headers or body did not arrive in time."""

    code = "REQUEST_TIMEOUT"


class HostNotTrusted(InputError):
    """The request names a host that this service does not serve."""

    code = "HOST_NOT_TRUSTED"


class CrossOrigin(InputError):
    """A page of another origin sent the request."""

    code = "CROSS_ORIGIN"
