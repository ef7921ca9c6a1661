"""Fonts that ship with the product, for documents and images made on machines without any."""

from pathlib import Path
from typing import Final

CJK: Final = Path(__file__).with_name("WenQuanYiMicroHei.ttf")
"""TrueType, Latin and Chinese; licence beside it in ``LICENSE.md``."""
