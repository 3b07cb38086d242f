"""The report as plain data for the API and for other programs."""

from typing import Any

from daemon.kpi.figures import Figures, Often
from daemon.kpi.report import EVERY_POSITION, Report


def document(report: Report) -> dict[str, Any]:
    """JSON types only; times in UTC, durations in s, shares 0 to 1. `position` null: all positions together."""
    return {
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "shifts": list(report.shifts),
        "figures": [
            {"position": None if position == EVERY_POSITION else position, "shift": shift, **_figures(one)}
            for position, by_shift in report.figures.items()
            for shift, one in by_shift.items()
        ],
    }


def _figures(one: Figures) -> dict[str, Any]:
    return {
        "seconds": one.seconds,
        "annunciations": one.annunciations,
        "average": one.average,
        "per_person_hour": one.per_person_hour,
        "peak": one.peak,
        "windows": one.windows,
        "windows_over": one.windows_over,
        "windows_over_share": one.windows_over_share,
        "floods": one.floods,
        "flood_seconds": one.flood_seconds,
        "flood_share": one.flood_share,
        "chattering": [_often(each) for each in one.chattering],
        "chatter_episodes": one.chatter_episodes,
        "fleeting": one.fleeting,
        "stale": one.stale,
        "priorities": {str(priority): count for priority, count in one.priorities.items()},
        "top": [_often(each) for each in one.top],
        "top_share": one.top_share,
        "band": one.band.value,
        "acknowledge": {
            str(priority): {"count": wait.count, "p50": wait.p50, "p95": wait.p95}
            for priority, wait in one.acknowledge.items()
        },
        "unanswered": one.unanswered,
    }


def _often(one: Often) -> dict[str, Any]:
    return {"alarm": one.alarm, "count": one.count, "text": {"zh": one.text_zh, "en": one.text_en}}
