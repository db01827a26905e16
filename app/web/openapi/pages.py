"""Pages that show the OpenAPI document, from files in this installation.

Their Content-Security-Policy allows only files of this service and the page's own inline script, by
its hash.
"""

import base64
import hashlib
import re

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from app.web.openapi.document import URL

_FILES = "/docs/files"

_SWAGGER_STYLES = "'self'"
_REDOC_STYLES = "'self' 'unsafe-inline'"
"""ReDoc writes its styles into the page while it runs, so no hash can name them in advance."""


def add_pages(app: FastAPI) -> None:
    """Add Swagger UI at /docs and ReDoc at /redoc."""
    files = StaticFiles(packages=[("fastapi_offline", "static")])
    app.mount(_FILES, files, name="docs-files")

    @app.get("/docs", include_in_schema=False)
    async def get_swagger_ui(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{URL}",
            title=f"{app.title} API",
            swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES}/favicon.png",
            swagger_ui_parameters=app.swagger_ui_parameters,
        )
        return _secure(page, styles=_SWAGGER_STYLES)

    @app.get("/redoc", include_in_schema=False)
    async def get_redoc(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_redoc_html(
            openapi_url=f"{root}{URL}",
            title=f"{app.title} API",
            redoc_js_url=f"{root}{_FILES}/redoc.standalone.js",
            redoc_favicon_url=f"{root}{_FILES}/favicon.png",
            with_google_fonts=False,
        )
        return _secure(page, styles=_REDOC_STYLES)


def _secure(page: HTMLResponse, *, styles: str) -> HTMLResponse:
    scripts = re.findall(r"<script>(.*?)</script>", bytes(page.body).decode(), re.DOTALL)
    hashes = "".join(f" '{_hash(script)}'" for script in scripts)
    page.headers["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self'{hashes}",
            f"style-src {styles}",
            "img-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    page.headers["Referrer-Policy"] = "same-origin"
    page.headers["X-Content-Type-Options"] = "nosniff"
    return page


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
