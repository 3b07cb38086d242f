"""What is said about each kind of mistake: the catalogue faults.toml, in Chinese and English."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from estate.errors import Fault

Catalogue = Mapping[str, Mapping[str, str]]
"""Code of a mistake to its texts in `zh` and `en`, with places to fill in."""

CATALOGUE = Path(__file__).with_name("faults.toml")


@cache
def catalogue() -> Catalogue:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def fault(code: str, file: str, line: int, near: str | None = None, **values: object) -> Fault:
    """The mistake `code` at a place. `near` is what was probably meant."""
    return told(file, line, catalogue()[code], values | {"near": near})


def told(file: str, line: int, words: Mapping[str, str], values: Mapping[str, object]) -> Fault:
    """A mistake in the words of any catalogue; a value `near` is what was probably meant."""
    zh, en = words["zh"].format(**values), words["en"].format(**values)
    if values.get("near") and "{near}" not in words["zh"]:
        meant = catalogue()["did_you_mean"]
        zh, en = zh + meant["zh"].format(**values), en + meant["en"].format(**values)
    return Fault(file, line, zh, en)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, if any is alike."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def some(words: Iterable[str], most: int = 12) -> str:
    """A list for a message, cut where it gets long."""
    listed = sorted(words)
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "") if listed else "-"
