"""A report of the meters as lines for people, in Chinese or English."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from daemon.consumption.report import Balanced, Branch, Photovoltaics, Report
from estate.installation import Equipment

CATALOGUE = Path(__file__).with_name("words.toml")


@cache
def words() -> Mapping[str, Any]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def lines(report: Report, language: str) -> Iterator[str]:
    """One block per meter; what is not known is said and never printed as nothing used."""
    said = words()
    yield said["title"][language].format(start=report.first, end=report.last)
    if report.branches:
        yield said["head"][language]
    for branch in report.branches:
        yield from _branch(branch, language)
    for title, blocks in (("balances", report.balances), ("photovoltaics", report.photovoltaics)):
        if blocks:
            yield ""
            yield said[title][language]
    for balanced in report.balances:
        yield from _balanced(balanced, language)
    for plant in report.photovoltaics:
        yield from _photovoltaics(plant, language)


def _head(item: Equipment, unit: str, language: str) -> str:
    return f"{item.id}  {item.place.in_(language)} {item.name.in_(language)}  [{unit}]"


def _branch(one: Branch, language: str) -> Iterator[str]:
    said = words()
    yield ""
    yield _head(one.item, one.unit, language)
    for period in one.periods:
        total = period.total
        amount = said["unknown"][language] if total.amount is None else f"{total.amount:.2f}"
        guessed = f"  ~{total.estimated:.2f}" if total.estimated else ""
        changed = f"  {period.change:+.1%}" if period.change is not None else ""
        courses = "".join(f"  {said['course'][course.value][language]}" for course in sorted(total.courses))
        yield f"  {period.start}  {amount:>12}  {total.coverage:6.1%}{guessed}{changed}{courses}"


def _balanced(one: Balanced, language: str) -> Iterator[str]:
    said = words()
    yield _head(one.item, one.unit, language)
    for period in one.periods:
        verdict = {True: "plausible", False: "not_plausible", None: "not_judged"}[period.plausible]
        counted = said["balance"][language].format(
            main=_number(period.main, language),
            subs=_number(period.subs, language),
            missing=said["unknown"][language] if period.missing is None else f"{period.missing:.1%}",
        )
        yield f"  {period.start}  {counted}  {period.coverage:.1%}  {said[verdict][language]}"


def _photovoltaics(one: Photovoltaics, language: str) -> Iterator[str]:
    yield f"{_head(one.item, 'kWh', language)}  {one.tariff:g} CNY/kWh"
    for period in one.periods:
        parts = {name: _number(getattr(period, name), language) for name in ("produced", "fed_in", "own_use", "worth")}
        yield f"  {period.start}  {words()['yields'][language].format(**parts)}  {period.coverage:.1%}"


def _number(value: float | None, language: str) -> str:
    found: str = words()["unknown"][language]
    return found if value is None else f"{value:.2f}"
