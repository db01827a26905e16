"""Write the OpenAPI document to a file: `python -m app.web.write_openapi FILE`."""

import json
import sys
from pathlib import Path

from app.main import create_app
from app.settings import Settings


def write_openapi(path: Path) -> None:
    """Write the document that `/openapi.json` returns; no service needs to run."""
    document = create_app(Settings(), predicts=False).openapi()
    path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    write_openapi(Path(sys.argv[1]))
