"""The wording check with the company's own words: the built-in list, extended by the table 广告用语."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.mirror import Row
from creative.intake import Verdict
from creative.model import Brief
from creative.shelf import Checked
from creative.specs import WORDS
from creative.tables import checks
from creative.wording import explain
from creative.wording.book import WordBook, default_book, parse_rows
from creative.wording.check import check
from creative.wording.model import Decision
from runtime.db import Database

FIELDS = {
    "headline": "主标题", "subline": "副标题", "points": "卖点", "price": "价格/利益点", "cta": "行动按钮",
    "footnote": "小字",
}  # fmt: skip
