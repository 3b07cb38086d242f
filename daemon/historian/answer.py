"""What a history server's answer to a write means for the lines that were sent."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

MAX_SAID = 300  # characters of the server's own text that are kept
MAX_RETRY_AFTER = 300.0  # s; a server may not silence us for longer
_TAG = re.compile(r"<[^<>]{0,200}>")


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    OUTAGE = "outage"  # not there, hangs, overloaded: the same lines again later
    TOO_LARGE = "too large"  # fewer lines at a time
    BAD_LINE = "bad line"  # at least one line is wrong, the others are not
    UNAUTHORISED = "unauthorised"  # a person must give us a valid token
    MISCONFIGURED = "misconfigured"  # a person must correct address, organisation or bucket


@dataclass(frozen=True, slots=True)
class Answer:
    """`said` is fit for operators and logs; `retry_after` (s) is how long the server asks us to wait."""

    verdict: Verdict
    said: str = ""
    retry_after: float | None = None


def judge(status: int, body: bytes, retry_after: str | None) -> Answer:
    """The meaning of a refusal of POST /api/v2/write (InfluxDB API v2: 204, 4xx, 429 and 503 with Retry-After)."""
    said = f"HTTP {status}: {spoken(body)}"
    match status:
        case 400 | 422:
            return Answer(Verdict.BAD_LINE, said)
        case 401 | 403:
            return Answer(Verdict.UNAUTHORISED, said)
        case 413:
            return Answer(Verdict.TOO_LARGE, said)
        case 408 | 425 | 429:
            return Answer(Verdict.OUTAGE, said, _seconds(retry_after))
        case _ if status >= 500:
            return Answer(Verdict.OUTAGE, said, _seconds(retry_after))
        case _:
            return Answer(Verdict.MISCONFIGURED, said)


def spoken(body: bytes) -> str:
    """The message inside a server's error body, on one line and short."""
    words = body[:20_000].decode("utf-8", "replace")
    try:
        parsed = json.loads(words)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        words = str(parsed.get("message") or parsed.get("error") or words)
    words = _TAG.sub(" ", words)  # a proxy's error page
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:MAX_SAID]


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; its rarer date form is taken as not given, our own back-off serves as well."""
    if header is None or not header.strip().isdecimal():
        return None
    return min(float(header), MAX_RETRY_AFTER)
