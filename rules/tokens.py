"""The words of a condition: numbers with their units, strings, names and symbols, each with its column."""

import re
from dataclasses import dataclass
from enum import StrEnum

from rules.units import is_unit

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:\d+\.\d+|\d+)(?:[eE][-+]?\d{1,3})?)(?P<unit>[A-Za-z_°℃%]\w*(?:/[A-Za-z]\w*)*)?
      | (?P<string>"[^"\n]*"|'[^'\n]*')
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>==|!=|<=|>=|[-+*/()<>,])""",
    re.VERBOSE,
)
_UNIT = re.compile(r"[ \t]+(?P<unit>[A-Za-z°℃%]\w*(?:/[A-Za-z]\w*)*)")
_WORDS = frozenset({"and", "or", "not"})


class ConditionError(ValueError):
    """A condition that means nothing; `word` is the wrong part. `rule_<code>` in rules/messages.yaml tells people."""

    def __init__(self, code: str, column: int, word: str = "", near: str = "") -> None:
        what = code.replace("_", " ") + (f": {word}" if word else "") + (f" (did you mean {near}?)" if near else "")
        super().__init__(f"column {column}: {what}")
        self.code = code
        self.column = column
        self.word = word
        self.near = near


class TokenKind(StrEnum):
    """The names of the groups in the pattern above."""

    NUMBER = "number"
    STRING = "string"
    WORD = "word"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`unit` belongs to a number: `2.5 bar`, `30s`, `95%`."""

    kind: TokenKind
    text: str
    unit: str
    column: int


def tokens(text: str) -> list[Token]:
    """Ends with a token of kind END. Raises ConditionError for what is no word of the language."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            opened = text[place] in "\"'"
            raise ConditionError("open_string" if opened else "unexpected", place + 1, text[place])
        end = match.end()
        if match["number"]:
            unit = match["unit"] or ""
            apart = _UNIT.match(text, end) if not unit else None
            if apart is not None and apart["unit"] not in _WORDS and is_unit(apart["unit"].split("/")[0]):
                unit, end = apart["unit"], apart.end()
            whole, end = _whole_unit(unit, end)
            found.append(Token(TokenKind.NUMBER, match["number"], whole, place + 1))
        elif match.lastgroup != "space":
            found.append(Token(TokenKind(str(match.lastgroup)), match[0], "", place + 1))
        place = end
    found.append(Token(TokenKind.END, "", "", len(text) + 1))
    return found


def _whole_unit(unit: str, end: int) -> tuple[str, int]:
    """`2 m/h` is metres per hour, `2 m/steps` is two metres divided by a point: a slash belongs to units alone."""
    parts = unit.split("/")
    kept = 1
    while kept < len(parts) and is_unit(parts[kept]):
        kept += 1
    rest = "".join(f"/{part}" for part in parts[kept:])
    return "/".join(parts[:kept]), end - len(rest)
