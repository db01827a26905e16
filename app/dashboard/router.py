"""Serve the dashboard below `/ui/`."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.dashboard.files import find_file

router = APIRouter(include_in_schema=False)

_PRESSABLE_STYLE = "sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o="
"""The one style element, which react-aria adds for buttons on touch screens."""

CONTENT_SECURITY_POLICY = (
    f"default-src 'self'; style-src 'self' '{_PRESSABLE_STYLE}'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""No inline script or style, and no request to another host (W3C, Content Security Policy 3)."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_UNCHANGING = "public, max-age=31536000, immutable"


@router.get("/")
@router.get("/ui")
async def redirect_to_dashboard() -> RedirectResponse:
    """Redirect to the first page."""
    return RedirectResponse("/ui/")


@router.get("/ui/{path:path}")
def get_page(request: Request, path: str) -> Response:
    """Return a file of the dashboard; every path without a file is one of its pages."""
    file = find_file(path)
    headers = _HEADERS | {
        "Cache-Control": _UNCHANGING if file.is_immutable else "no-cache",
        "ETag": file.etag,
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = file.content
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = file.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=file.content_type)
