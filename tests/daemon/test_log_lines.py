"""The daemon's log: one record is one line, whatever a device has put into it."""

import logging
import unicodedata

import pytest

from daemon.commands.run import LONGEST_LINE, _OneLine

FORMAT = _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")


def logged(message: str, *args: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    return FORMAT.format(logging.LogRecord("drivers.x", logging.WARNING, "x.py", 1, message, args, exc_info))


@pytest.mark.parametrize("char", ["\n", "\r", "\x1b", "\x85", "\x00", "\u2028", "\u2029", "\u202e", "\u200b", "\u2066"])
def test_no_character_of_a_payload_ends_or_turns_a_line(char: str) -> None:
    line = logged("%s is offline: %s", "door-1", f"gone{char}2026-01-01T00:00:00Z INFO forged")
    assert len(line.splitlines()) == 1
    assert all(unicodedata.category(shown) not in ("Cc", "Cf", "Zl", "Zp") for shown in line)
    assert "forged" in line
    assert "door-1 is offline" in line


@pytest.mark.parametrize("flood", ["A" * 15_000, "报" * 15_000, "\x1b" * 15_000])
def test_a_line_is_no_longer_than_two_kilobytes(flood: str) -> None:
    line = logged("%s", flood)
    assert LONGEST_LINE - 64 < len(line.encode()) <= LONGEST_LINE
    assert line.endswith("…")


def test_a_crash_keeps_its_trace_and_each_of_its_lines_is_one(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("bad\u2028word\x1b[31m" + "A" * 9000)
    except ValueError as error:
        head, *trace = logged("crashed", error=error).split("\n")
    assert head.endswith("drivers.x: crashed")
    assert trace[0] == "    Traceback (most recent call last):"
    assert trace[-1].startswith("    ValueError: bad\\u2028word\\x1b[31m")
    assert all(line.startswith("    ") and len(line.encode()) <= LONGEST_LINE + 4 for line in trace)
