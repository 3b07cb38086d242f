"""A report of the meters as plain data for HTTP and for `--json`."""

from typing import Any

from daemon.consumption.report import Balanced, BalancedPeriod, Branch, Period, Photovoltaics, Report, YieldPeriod
from estate.installation import Equipment


def document(report: Report) -> dict[str, Any]:
    """JSON types only. Days are those of the estate's zone; amounts are in `unit`, shares between 0 and 1."""
    return {
        "by": report.by.value,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "until": report.until.isoformat(),
        "meters": [_branch(one) for one in report.branches],
        "balances": [_balanced(one) for one in report.balances],
        "photovoltaics": [_photovoltaics(one) for one in report.photovoltaics],
    }


def _item(item: Equipment) -> dict[str, Any]:
    return {
        "id": item.id,
        "class": item.class_,
        "number": item.number,
        "name": {"zh": item.name.zh, "en": item.name.en},
        "place": {"zh": item.place.zh, "en": item.place.en},
    }


def _branch(one: Branch) -> dict[str, Any]:
    return {**_item(one.item), "unit": one.unit, "periods": [_period(each) for each in one.periods]}


def _period(one: Period) -> dict[str, Any]:
    return {
        "start": one.start.isoformat(),
        "amount": _rounded(one.total.amount),
        "coverage": round(one.total.coverage, 4),
        "estimated": _rounded(one.total.estimated),
        "courses": sorted(course.value for course in one.total.courses),
        "change": _rounded(one.change),
    }


def _balanced(one: Balanced) -> dict[str, Any]:
    return {**_item(one.item), "unit": one.unit, "periods": [_balanced_period(each) for each in one.periods]}


def _balanced_period(one: BalancedPeriod) -> dict[str, Any]:
    return {
        "start": one.start.isoformat(),
        "main": _rounded(one.main),
        "subs": _rounded(one.subs),
        "missing": _rounded(one.missing),
        "plausible": one.plausible,
        "coverage": round(one.coverage, 4),
    }


def _photovoltaics(one: Photovoltaics) -> dict[str, Any]:
    periods = [_yield(each) for each in one.periods]
    return {**_item(one.item), "unit": "kWh", "tariff": one.tariff, "currency": "CNY", "periods": periods}


def _yield(one: YieldPeriod) -> dict[str, Any]:
    return {
        "start": one.start.isoformat(),
        "produced": _rounded(one.produced),
        "fed_in": _rounded(one.fed_in),
        "own_use": _rounded(one.own_use),
        "worth": None if one.worth is None else round(one.worth, 2),
        "coverage": round(one.coverage, 4),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
