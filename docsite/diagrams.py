"""Draw Mermaid diagrams as SVG while the site is built, because browsers would load a script."""

import base64
import re

import mermaidx

_BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INIT = '%%{init: {"theme": "neutral"}}%%\n'


def draw_diagrams(markdown: str) -> str:
    """Return a page with its Mermaid blocks as images.

    An image, and not the drawing itself, because the site's styles would change the size of the
    text that was measured for it.
    """
    return _BLOCK.sub(lambda block: _draw(block[1]), markdown)


def _draw(source: str) -> str:
    svg = str(mermaidx.render(_INIT + source).svg())
    encoded = base64.b64encode(svg.encode()).decode()
    return (
        '<p class="diagram"><img alt="Diagram of what this section describes" '
        f'src="data:image/svg+xml;base64,{encoded}"></p>'
    )
