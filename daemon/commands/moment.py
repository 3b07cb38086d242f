"""Times as people type them: in the site's zone, unless they name another."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class MomentError(ValueError):
    """Not a time; the text says what would be one."""


def moment(text: str, zone: tzinfo) -> datetime:
    """`2026-03-01`, `2026-03-01T08:30`, `2026-03-01 08:30:15`, each also with `+08:00` or `Z`; aware UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(f"{text!r} is not a time; write 2026-03-01 or 2026-03-01T08:30") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)


def period(start: str, end: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Aware UTC. Raises MomentError when it ends before it begins."""
    first, last = moment(start, zone), moment(end, zone)
    if first >= last:
        raise MomentError(f"the period ends ({end}) before it begins ({start})")
    return first, last


def zone_named(name: str) -> tzinfo:
    """Raises MomentError for a zone that does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise MomentError(f"{name!r} is not a time zone; write Asia/Shanghai") from None
