"""Recorded samples as InfluxQL: every series of the site, each row with the time at which it was written."""

from collections.abc import Mapping
from typing import Any

from daemon.historian.line_protocol import MEASUREMENT
from daemon.historian.recorded import Asked, Row, stored
from daemon.historian.trend import quoted
from estate.errors import TransportError
from estate.model import Quality, point_id

_FIELDS = 'SELECT "value", "text", "quality"'  # in this order in every answer, nulls where a field is not written


def samples_influxql(site: str, start: int, end: int) -> str:
    """What was recorded from `start` (included) to `end` (excluded), ns since 1970."""
    return (
        f'{_FIELDS} FROM "{MEASUREMENT}" WHERE "site" = {quoted(site)} AND time >= {start} AND time < {end} '
        'GROUP BY "device", "point"'
    )


def latest_influxql(site: str, end: int) -> str:
    """The last row of each series before `end`: LIMIT counts per series."""
    return (
        f'{_FIELDS} FROM "{MEASUREMENT}" WHERE "site" = {quoted(site)} AND time < {end} '
        'GROUP BY "device", "point" ORDER BY time DESC LIMIT 1'
    )


def rows(reply: Mapping[str, Any], asked: Asked) -> list[Row]:
    """The asked points in the server's JSON answer (`epoch=ns`), in order of time. Raises TransportError."""
    wanted, states = frozenset(asked.points), frozenset(asked.states)
    found: list[Row] = []
    try:
        result = reply["results"][0]
        if "error" in result:
            raise TransportError(f"the history server could not answer: {result['error']}")
        if result.get("partial"):
            raise TransportError("the history server cuts its answers (max-row-limit): it has to be raised or 0")
        for series in result.get("series", ()):
            point = point_id(series["tags"]["device"], series["tags"]["point"])
            if series.get("partial"):
                raise TransportError("the history server cuts its answers (max-row-limit): it has to be raised or 0")
            if point in wanted:
                for at, number, text, quality in series["values"]:
                    found.append((point, int(at), stored(number, text, point in states), Quality(quality)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TransportError(f"the history server's answer is not an InfluxQL result: {error!r}") from error
    found.sort(key=lambda row: row[1])
    return found


def counted(reply: Mapping[str, Any]) -> int:
    """How many rows the answer holds, of points asked for or not."""
    return sum(len(series["values"]) for result in reply["results"] for series in result.get("series", ()))
