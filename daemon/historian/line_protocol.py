"""A sample as one line of InfluxDB line protocol.

One measurement, `point`, for every value of the estate, so that one query serves all of them:

  point,device=sump-1,point=level,site=riverside,unit=m value=1.25,quality="good",quality_level=0 1767225600000000000

Tags come from the site's files only (ids, units), never from what a device sends: a number plate as a tag would open
a new series per car. Every field has one type for ever, or the server refuses the whole batch ("field type conflict").
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from estate.model import PointId, Quality, Sample, Value

MEASUREMENT = "point"

_MAX_TEXT = 4000  # characters; InfluxDB refuses string fields over 64 KiB
_POINT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}\.[a-z0-9][a-z0-9_.-]{0,99}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BREAKS = str.maketrans("", "", "\r\n\0")
# No two servers agree on a backslash inside a tag, and a trailing one swallows the comma after it.
_TAG = str.maketrans({"\r": None, "\n": None, "\0": None, "\\": None, ",": r"\,", "=": r"\=", " ": r"\ "})
_STRING = str.maketrans({"\r": None, "\n": None, "\0": None, "\\": r"\\", '"': r"\""})

_LEVEL = {quality: 2 if quality.is_bad else 0 if quality is Quality.GOOD else 1 for quality in Quality}


def is_point_id(text: str) -> bool:
    """Whether a point's id has the form `<device>.<name>` that may stand in a tag."""
    return _POINT_ID.fullmatch(text) is not None


def nanoseconds(at: datetime) -> int:
    """UTC time as integer ns since 1970, exact (a float of seconds is not)."""
    return (at - _EPOCH) // _MICROSECOND * 1000


def level(quality: Quality) -> int:
    """0 good, 1 uncertain, 2 bad: a number, so that a query can ask for the worst of a period."""
    return _LEVEL[quality]


def number(value: Value | None) -> float | None:
    """The float stored for a value; None for text and for what no database stores (NaN, infinity, 10**400)."""
    if value is None or isinstance(value, str):
        return None
    try:
        stored = float(value)
    except OverflowError:
        return None
    return stored if math.isfinite(stored) else None


def text(value: Value | None) -> str | None:
    """The text stored for a value; None for numbers. CR, LF and NUL are removed, over-long text is cut."""
    return _storable(value)[:_MAX_TEXT].translate(_BREAKS) if isinstance(value, str) else None


def tag(value: str) -> str:
    return _storable(value).translate(_TAG)


class Encoder:
    """Turns the samples of one site into lines; holds the tags of each point ready."""

    def __init__(self, site: str, units: Mapping[PointId, str]) -> None:
        self._site = tag(site)
        self._units = units
        self._tags: dict[PointId, str] = {}  # one entry per configured point

    def line(self, sample: Sample, at_ns: int) -> str:
        """One line without its newline. A bad sample has its quality and nothing else.

        `sample.point` must satisfy `is_point_id`; `at_ns` is ns since 1970.
        """
        tags = self._tags.get(sample.point)
        if tags is None:
            tags = self._tags[sample.point] = self._tags_of(sample.point)
        fields = f'quality="{sample.quality.value}",quality_level={_LEVEL[sample.quality]}'
        if not sample.quality.is_bad:
            stored, words = number(sample.value), text(sample.value)
            if stored is not None:
                fields = f"value={stored!r},{fields}"
            elif words is not None:
                fields = f'text="{words.translate(_STRING)}",{fields}'
        return f"{tags} {fields} {at_ns}"

    def _tags_of(self, point: PointId) -> str:
        device, _, name = point.partition(".")
        tags = f"{MEASUREMENT},device={tag(device)},point={tag(name)},site={self._site}"
        unit = tag(self._units.get(point, ""))
        return f"{tags},unit={unit}" if unit else tags


def _storable(words: str) -> str:
    """Without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return words.encode("utf-8", "replace").decode("utf-8")
