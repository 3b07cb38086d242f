"""Times as devices write them into their data (ISO 8601)."""

from datetime import UTC, datetime


def read_timestamp(word: object) -> datetime | None:
    """A time with its zone, in UTC; None for nonsense, and for a time of which nobody knows where it is."""
    if not isinstance(word, str):
        return None
    try:
        time = datetime.fromisoformat(word)
        return time.astimezone(UTC) if time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
