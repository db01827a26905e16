"""Draw Mermaid diagrams as SVG while the site is built, because browsers would load a script."""

import base64
from functools import cache

import mermaidx

_INIT = '%%{init: {"theme": "neutral"}}%%\n'


@cache
def _draw(source: str) -> str:
    return str(mermaidx.render(_INIT + source).to_svg())


def draw_fence(source: str, *_context: object, **_more: object) -> str:
    """Return the HTML of a fenced block `mermaid`; Markdown's superfences call it.

    It is an image, so that the site's styles do not change the text that was measured for it.
    """
    encoded = base64.b64encode(_draw(source).encode()).decode()
    return (
        '<p class="diagram"><img alt="Diagram of what this section describes" '
        f'src="data:image/svg+xml;base64,{encoded}"></p>'
    )
