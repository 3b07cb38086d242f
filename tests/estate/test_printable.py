"""What a device says of itself can be shown and logged: nothing in it is unseen, and nothing is endless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.printable import UNSEEN, printable


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no answer on the loop", "no answer on the loop"),
        ("回路无应答，é", "回路无应答，é"),
        ("\u3000全角", "\u3000全角"),
        ("a\r\nINFO forged", "a\\r\\nINFO forged"),
        ("\x1b[2J\x85\x07", "\\x1b[2J\\x85\\x07"),
        ("京A\u202e54321\u200b", "京A\\u202e54321\\u200b"),
        ("one\u2028two\u2029", "one\\u2028two\\u2029"),
        ("half \ud800", "half \\ud800"),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_what_cannot_be_seen_is_written_out(said: str, shown: str) -> None:
    assert printable(said) == shown


@given(st.text(max_size=400), st.integers(20, 300))
def test_nothing_unseen_and_nothing_endless_comes_through(said: str, most: int) -> None:
    shown = printable(said, most)
    assert len(shown) <= most
    assert not UNSEEN & {unicodedata.category(char) for char in shown}
    assert printable(shown, most) == shown
