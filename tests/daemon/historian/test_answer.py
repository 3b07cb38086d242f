"""What each answer of a server means."""

import pytest

from daemon.historian.answer import Verdict, judge, spoken


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (307, Verdict.MISCONFIGURED),
        (400, Verdict.BAD_LINE),
        (401, Verdict.UNAUTHORISED),
        (403, Verdict.UNAUTHORISED),
        (404, Verdict.MISCONFIGURED),
        (405, Verdict.MISCONFIGURED),
        (413, Verdict.TOO_LARGE),
        (422, Verdict.BAD_LINE),
        (429, Verdict.OUTAGE),
        (500, Verdict.OUTAGE),
        (502, Verdict.OUTAGE),
        (503, Verdict.OUTAGE),
    ],
)
def test_a_status_has_one_meaning(status: int, verdict: Verdict) -> None:
    assert judge(status, b"", None).verdict is verdict


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("99999", 300), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), (None, None)],
)
def test_retry_after_is_honoured_within_reason(header: str | None, seconds: float | None) -> None:
    assert judge(429, b"", header).retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [b'{"code":"invalid","message":"field type conflict"}', b'{"error":"field type conflict"}', b"field type conflict"],
)
def test_the_servers_words_are_found_in_any_of_its_dialects(body: bytes) -> None:
    assert spoken(body) == "field type conflict"


def test_the_servers_words_cannot_forge_a_log_line_or_fill_the_disk() -> None:
    words = spoken(b"no\n2026-03-01 ALARM\x1b[31m" + b"x" * 100_000)
    assert words.isprintable()
    assert len(words) <= 300
