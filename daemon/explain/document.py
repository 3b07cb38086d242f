"""An explanation as plain data for the console."""

from datetime import datetime, tzinfo
from typing import Any

from daemon.explain.explanation import Explanation, Part
from daemon.explain.sentences import Sentences
from daemon.explain.wording import LANGUAGES
from rules.alarm import Transition
from rules.suppression import UNSUPPRESSED


def document(one: Explanation, zone: tzinfo) -> dict[str, Any]:
    """JSON types only; times in UTC, those within sentences in the site's zone."""
    speakers = {language: Sentences(language, zone) for language in LANGUAGES}
    return {
        "alarm": one.alarm,
        "at": one.at.isoformat(),
        "source": one.source.value,
        "state": one.state.value,
        "present": one.present,
        "result": one.result,
        "evaluated": _iso(one.evaluated),
        "answer": {language: speaker.answer(one) for language, speaker in speakers.items()},
        "suppressions": {language: list(speaker.suppressions(one)) for language, speaker in speakers.items()},
        "condition": None if one.condition is None else _part(one.condition),
        "exception": None if one.exception is None else _part(one.exception),
        "timer": None
        if one.timer is None
        else {
            "raises": one.timer.raises,
            "since": one.timer.since.isoformat(),
            "due": one.timer.due.isoformat(),
            "delay": one.timer.delay,
        },
        "suppression": None if one.suppression is UNSUPPRESSED else one.suppression.data(),
        "chatter": one.chatter,
        "before": [_transition(each) for each in one.before],
        "after": [_transition(each) for each in one.after],
    }


def _part(one: Part) -> dict[str, Any]:
    return {
        "result": one.result,
        "text": {"zh": one.zh, "en": one.en},
        "joined": one.joined.value,
        "parts": [_part(each) for each in one.parts],
        "readings": [
            {"point": each.point, "name": each.name, "value": each.value, "quality": each.quality, "why": each.reason}
            for each in one.readings
        ],
    }


def _transition(one: Transition) -> dict[str, Any]:
    return {
        "at": one.decided.isoformat(),
        "before": one.before.value,
        "after": one.after.value,
        "trigger": one.trigger.value,
        "occurrence": one.occurrence,
        "priority": one.priority,
        "by": one.by,
        "note": one.note,
        "text": {"zh": one.text_zh, "en": one.text_en},
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
