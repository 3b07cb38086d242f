"""The catalogue of words, and how numbers and names are said."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from estate.model import Value

CATALOGUE = Path(__file__).with_name("words.toml")
LANGUAGES = ("zh", "en")
MOST_DECIMALS = 4


@cache
def words() -> Mapping[str, Any]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def say(group: str, key: str, language: str, **values: object) -> str:
    return str(words()[group][key][language]).format(**values)


def say_whether(group: str, key: str, result: bool, language: str, **values: object) -> str:
    """Of an entry that has one text for true and one for false."""
    return str(words()[group][key][language][0 if result else 1]).format(**values)


def decimals(value: Value | None) -> int:
    """How many a number needs to be told exactly, within reason."""
    if isinstance(value, bool | str | int) or value is None:
        return 0
    told = f"{value:.{MOST_DECIMALS}f}".rstrip("0")
    return len(told.partition(".")[2])


def number(value: Value, unit: str = "", places: int | None = None) -> str:
    """`1.20 m`; text in quotes."""
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, bool):
        return str(value).lower()
    told = f"{value:.{decimals(value) if places is None else places}f}"
    return f"{told} {unit}".rstrip()
