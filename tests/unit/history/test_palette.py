"""The colours of charts."""

import re

from app.history.charts import COLORS
from tests.conftest import REPOSITORY


def test_charts_and_the_dashboard_share_their_colors() -> None:
    tokens = (REPOSITORY / "web" / "src" / "ui" / "tokens.css").read_text(encoding="utf-8")
    assert tuple(re.findall(r"--c\d: light-dark\((#\w{6}),", tokens)) == COLORS
