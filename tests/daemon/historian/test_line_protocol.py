"""One sample becomes exactly one line that says the same, whatever text a device sends."""

import math
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.historian.line_protocol import Encoder, is_point_id, nanoseconds, tag
from estate.model import PointId, Quality, Sample, Value
from tests.daemon.historian.stage import LEVEL, sample

AT = datetime(2026, 1, 1, 0, 0, 0, 123457, tzinfo=UTC)


def parse(line: str) -> tuple[str, dict[str, str], dict[str, float | str], int]:
    """A reader of line protocol written from its specification, not from our writer."""
    assert not re.search(r"[\r\n\0]", line)
    parts: list[str] = []
    current, quoted, i = "", False, 0
    while i < len(line):
        if line[i] == "\\" and i + 1 < len(line):
            current += line[i : i + 2]
            i += 2
            continue
        quoted ^= line[i] == '"' and len(parts) == 1
        if line[i] == " " and not quoted:
            parts.append(current)
            current = ""
        else:
            current += line[i]
        i += 1
    series, fields, at = [*parts, current]
    measurement, *tags = re.split(r"(?<!\\),", series)
    read: dict[str, float | str] = {}
    for match in re.finditer(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,]+))(?:,|$)', fields):
        name, words, digits = match.groups()
        read[name] = float(digits) if words is None else re.sub(r"\\(.)", r"\1", words)
    rebuilt = {k: re.sub(r"\\([,= ])", r"\1", v) for k, v in (re.split(r"(?<!\\)=", t, maxsplit=1) for t in tags)}
    return measurement, rebuilt, read, int(at)


def encode(value: Value | None, quality: Quality = Quality.GOOD, site: str = "riverside", unit: str = "m") -> str:
    return Encoder(site, {LEVEL: unit}).line(Sample(LEVEL, value, quality, AT, 0), nanoseconds(AT))


@settings(max_examples=2000)
@given(
    value=st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.text('\\",= \n\r\0a')),
    quality=st.sampled_from(Quality),
    site=st.text('ab\\,= \n"é区', min_size=1).filter(tag),
    unit=st.text('m³/h\\,= \n"'),
)
def test_a_line_read_back_is_the_sample(value: Value, quality: Quality, site: str, unit: str) -> None:
    measurement, tags, fields, at = parse(encode(value, quality, site, unit))

    def kept(words: str) -> str:
        return re.sub(r"[\r\n\0\\]", "", words)

    assert measurement == "point"
    assert tags == {"site": kept(site), "device": "sump-1-ctl", "point": "level"} | (
        {"unit": kept(unit)} if kept(unit) else {}
    )
    assert at == 1767225600123457000
    assert fields.pop("quality") == quality.value
    assert fields.pop("quality_level") == (2 if quality.is_bad else 0 if quality is Quality.GOOD else 1)
    if quality.is_bad:
        assert fields == {}
    elif isinstance(value, str):
        assert fields == {"text": re.sub(r"[\r\n\0]", "", value)}
    elif math.isfinite(value) and abs(value) < 1e308:
        assert fields == {"value": float(value)}


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_numbers_and_states_are_always_stored_as_floats(value: Value) -> None:
    assert " value=1.0," in encode(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, None])
def test_what_no_database_can_store_leaves_only_its_quality(value: Value | None) -> None:
    assert encode(value).split(" ")[1].startswith('quality="good"')


def test_half_a_surrogate_pair_can_still_be_sent() -> None:
    assert 'text="??"' in encode("\ud800\udc00"[:1] + "\ud801").encode("utf-8").decode()


def test_a_text_longer_than_a_server_takes_is_cut() -> None:
    assert len(encode("水" * 100_000).encode()) < 64 * 1024


def test_a_tag_never_ends_in_a_backslash() -> None:
    assert tag("C:\\dir\\") == "C:dir"


@pytest.mark.parametrize("words", ["", "level", "a.b c", "粤B12345.plate", "a.b\n", "a,b.c", ".level", "A.b"])
def test_only_ids_from_site_files_can_become_tags(words: str) -> None:
    assert not is_point_id(words)


def test_every_sample_of_a_point_is_in_one_series() -> None:
    encoder = Encoder("riverside", {})
    lines = [encoder.line(sample(value, 1, "gate-lpr.plate"), 1) for value in ("粤B12345", "沪A99999")]
    assert len({line.split(" ")[0] for line in lines}) == 1


def test_point_ids_with_nested_names_are_accepted() -> None:
    assert is_point_id(PointId("gw-1.room.temperature"))
