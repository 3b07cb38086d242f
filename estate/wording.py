"""What is said about each kind of mistake: the catalogue faults.toml, in Chinese and English."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from estate.errors import Fault

CATALOGUE = Path(__file__).with_name("faults.toml")


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def fault(code: str, file: str, line: int, near: str | None = None, **values: object) -> Fault:
    """The mistake `code` at a place. `near` is what was probably meant."""
    words = catalogue()[code]
    return with_near(Fault(file, line, words["zh"].format(**values), words["en"].format(**values)), near)


def with_near(found: Fault, near: str | None) -> Fault:
    """The same mistake, with what was probably meant behind it."""
    if near is None:
        return found
    meant = catalogue()["did_you_mean"]
    return Fault(found.file, found.line, found.zh + meant["zh"].format(near=near), found.en + meant["en"].format(near=near))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, if any is alike."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def some(words: Iterable[str], most: int = 12) -> str:
    """A list for a message, cut where it gets long."""
    listed = sorted(words)
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "") if listed else "-"
