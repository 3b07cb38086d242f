"""Text from outside, made fit for a log, a list and a screen: short, and with nothing in it that cannot be seen."""

from unicodedata import category

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and format characters (line breaks, escape sequences, marks that turn the direction of writing), half
characters, and the separators that some viewers take for a new line."""

MOST = 200
"""Characters of a reason or a name given by a device."""


def printable(text: str, most: int = MOST) -> str:
    """At most `most` characters; each of UNSEEN is written as its escape (`\\x1b`). What was cut ends in "…"."""
    if len(text) <= most and text.isprintable():
        return text
    shown: list[str] = []
    room = most
    for char in text[: most + 1]:
        seen = char.encode("unicode_escape").decode("ascii") if category(char) in UNSEEN else char
        room -= len(seen)
        if room < 0:
            return _cut(shown, most)
        shown.append(seen)
    return "".join(shown)


def _cut(shown: list[str], most: int) -> str:
    """Whole escapes only: half of one would read as something else."""
    length = sum(map(len, shown))
    while shown and length >= most:
        length -= len(shown.pop())
    return "".join(shown) + "…"
