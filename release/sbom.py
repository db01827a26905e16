"""Write the software bill of materials (CycloneDX): `make sbom`.

The packages are those of `requirements.lock` and those of the dashboard that browsers get.
"""

import base64
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

TARGET = Path("build/graft.cdx.json")


def list_web_components(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the npm packages of a package-lock.json that are not for development only."""
    components = []
    for path, package in sorted(lock["packages"].items()):
        if not path or package.get("dev") or package.get("link"):
            continue
        name = path.rpartition("node_modules/")[2]
        purl = f"pkg:npm/{quote(name, safe='/')}@{package['version']}"
        component = {
            "type": "library",
            "bom-ref": f"{purl}#{path}",
            "name": name,
            "version": package["version"],
            "purl": purl,
        }
        algorithm, _, digest = package.get("integrity", "").partition("-")
        if algorithm == "sha512":
            hexadecimal = base64.b64decode(digest).hex()
            component["hashes"] = [{"alg": "SHA-512", "content": hexadecimal}]
        components.append(component)
    return components


def main() -> None:
    """Write the document, and check it against CycloneDX's own schema."""
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements"]
    options = ["requirements.lock", "--pyproject", "pyproject.toml", "--mc-type", "application"]
    options += ["--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON"]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own arguments
    document = json.loads(done.stdout)
    lock = json.loads(Path("web/package-lock.json").read_text(encoding="utf-8"))
    document["components"] += list_web_components(lock)
    text = json.dumps(document, indent=2)
    _validate(text)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{TARGET} lists {len(document['components'])} packages.\n")


def _validate(text: str) -> None:
    validation: Any = import_module("cyclonedx.validation.json")  # in the environment of the target
    schema: Any = import_module("cyclonedx.schema")
    problem = validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text)
    if problem:
        sys.exit(f"The document does not follow CycloneDX 1.6: {problem}")


if __name__ == "__main__":
    main()
