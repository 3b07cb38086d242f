"""The report as lines for people, in Chinese or English, each figure beside its goal."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from daemon.kpi.figures import Figures
from daemon.kpi.report import EVERY_POSITION, EVERY_SHIFT, Report

CATALOGUE = Path(__file__).with_name("words.toml")


@cache
def words() -> Mapping[str, Any]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def lines(report: Report, language: str, zone: tzinfo) -> Iterator[str]:
    """One block per position and shift; those without annunciations are left out, but for the whole."""
    said = words()

    def when(moment: Any) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"

    yield said["title"][language].format(start=when(report.start), end=when(report.end))
    for position, by_shift in report.figures.items():
        for shift, one in by_shift.items():
            whole = position == EVERY_POSITION and shift == EVERY_SHIFT
            if not whole and (not one.annunciations or (shift != EVERY_SHIFT and len(report.shifts) == 1)):
                continue
            yield ""
            yield said["where"][language].format(
                position=said["all_positions"][language] if position == EVERY_POSITION else position,
                shift=said["all_shifts"][language] if shift == EVERY_SHIFT else shift,
            )
            yield from _block(one, language)


def compared(before: Figures, after: Figures, language: str) -> Iterator[str]:
    """The figures that a change of rules may move, before and after."""
    pairs = zip(_values(before, language), _values(after, language), strict=True)
    for (name, was, goal), (_, will_be, _) in pairs:
        yield _line(name, f"{was} -> {will_be}", goal, language)


def _block(one: Figures, language: str) -> Iterator[str]:
    said = words()
    if not one.annunciations:
        yield "  " + said["nothing"][language]
    for name, value, goal in _values(one, language):
        yield _line(name, value, goal, language)
    for priority, wait in one.acknowledge.items():
        if wait.p50 is not None and wait.p95 is not None:
            spans = " / ".join(said["seconds"][language].format(value=value) for value in (wait.p50, wait.p95))
            label = f"{said['figure']['acknowledge'][language]}, {said['priority'][language].format(priority=priority)}"
            yield _labelled(label, f"{spans} ({said['times'][language].format(count=wait.count)})")
    if one.unanswered:
        yield "    " + said["not_acknowledged"][language].format(count=one.unanswered)
    if one.top:
        yield f"  {said['figure']['top'][language]}:"
        for each in one.top:
            text = each.text_zh if language == "zh" else each.text_en
            yield f"    {each.count:6}  {each.alarm}  {text}"


def _values(one: Figures, language: str) -> Iterator[tuple[str, str, str]]:
    """(key of the catalogue, value, goal or nothing)."""
    said = words()
    yield "annunciations", f"{one.annunciations}", ""
    yield "average", f"{one.average:.2f}", "≤ 1"
    yield "per_person_hour", f"{one.per_person_hour:.2f}", "≤ 6"
    yield "peak", f"{one.peak}", "≤ 10"
    yield "windows_over", f"{one.windows_over}/{one.windows} = {one.windows_over_share:.2%}", "< 1 %"
    yield "floods", f"{one.floods}", ""
    flooded = said["minutes"][language].format(value=one.flood_seconds / 60)
    yield "flood_time", f"{flooded} = {one.flood_share:.2%}", "< 1 %"
    yield "chattering", f"{len(one.chattering)}", "0"
    yield "fleeting", f"{one.fleeting}", "0"
    yield "stale", f"{one.stale}", "< 5"
    shares = [one.priorities.get(level, 0) / (one.annunciations or 1) for level in (1, 2, 3, 4)]
    yield "priorities", " / ".join(f"{share:.0%}" for share in shares), "< 1 / 5 / 15 / 80 %"
    yield "top_share", f"{one.top_share:.0%}", "≤ 5 %"
    yield "band", said["band"][one.band.value][language], said["band"]["robust"][language]


def _line(name: str, value: str, goal: str, language: str) -> str:
    said = words()
    aim = f"    ({said['goal'][language].format(goal=goal)})" if goal else ""
    return _labelled(said["figure"][name][language], value + aim)


def _labelled(label: str, value: str) -> str:
    width = sum(2 if ord(letter) > 0x2E7F else 1 for letter in label)
    return f"  {label}{' ' * max(1, 34 - width)}{value}"
