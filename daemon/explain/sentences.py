"""An explanation in the words of an operator, Chinese or English, times in the site's zone."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from daemon.explain.explanation import Explanation, Part, Source
from daemon.explain.wording import say, words
from rules.alarm import AlarmState, Transition
from rules.suppression import UNSUPPRESSED


class Sentences:
    """In one language and one zone."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self._language = language
        self._zone = zone

    def answer(self, one: Explanation) -> str:
        """Why it alarms or does not: one sentence."""
        language = self._language
        if one.condition is None:
            return say("sentence", "no_record", language)
        state = say("state", one.state.value, language)
        if one.exception is not None and one.exception.result is True and not one.present:
            return say("sentence", "held_back", language, because=self._because(one.exception))
        because = self._because(one.condition)
        if one.timer is not None:
            key = "coming" if one.timer.raises else "going"
            since, due = self._time(one.timer.since), self._time(one.timer.due)
            delay = f"{one.timer.delay:g}"
            return say("sentence", key, language, state=state, because=because, since=since, due=due, delay=delay)
        if one.result is None:
            key = "unknown_standing" if one.state is not AlarmState.NORMAL else "unknown_quiet"
        elif one.present:
            key = "standing"
        else:
            key = "quiet" if one.state is AlarmState.NORMAL else "back"
        return say("sentence", key, language, state=state, because=because)

    def lines(self, one: Explanation) -> Iterator[str]:
        """All of it: the answer, what suppresses it, each condition with its result, and what happened around."""
        language = self._language
        text = next((each for each in reversed(one.before)), None)
        name = one.alarm if text is None else f"{one.alarm} {text.text_zh if language == 'zh' else text.text_en}"
        yield say("heading", "at", language, alarm=name, at=self._moment(one.at))
        yield self.answer(one)
        yield from self.suppressions(one)
        if one.condition is not None and one.evaluated is not None:
            yield ""
            yield f"{say('heading', 'conditions', language)}:"
            yield from self._tree(one.condition, 1)
            if one.exception is not None:
                yield f"{say('heading', 'exception', language)}:"
                yield from self._tree(one.exception, 1)
        for key, some in (("transitions", one.before), ("after", one.after)):
            if some:
                yield f"{say('heading', key, language)}:"
                yield from (f"  {self._transition(each)}" for each in some)
        if one.source is not Source.NOTHING and one.evaluated is not None:
            yield ""
            yield say(
                "source", one.source.value, language, evaluated=self._moment(one.evaluated), at=self._moment(one.at)
            )

    def suppressions(self, one: Explanation) -> Iterator[str]:
        """What keeps it out of the list, and whether it chatters."""
        language, hidden = self._language, one.suppression
        if hidden is not UNSUPPRESSED:
            if (removal := hidden.removal) is not None:
                yield say("sentence", "removal", language, by=removal.by, order=removal.order, reason=removal.reason)
            if (design := hidden.design) is not None:
                yield say("sentence", "design", language, since=self._moment(design.since))
                if design.parents:
                    yield say("sentence", "parents", language, parents=", ".join(design.parents))
            if (shelf := hidden.shelf) is not None:
                until = self._moment(shelf.until)
                yield say("sentence", "shelf", language, by=shelf.by, until=until, reason=shelf.reason)
        if one.chatter:
            yield say("sentence", "chattering", language, count=one.chatter)

    def _because(self, part: Part) -> str:
        said = dict.fromkeys(leaf.text(self._language) for leaf in part.reasons)
        return say("part", "list", self._language).join(said) or part.text(self._language)

    def _tree(self, part: Part, depth: int) -> Iterator[str]:
        key = {True: "true", False: "false", None: "unknown"}[part.result]
        result = say("heading", key, self._language)
        if part.parts:
            joint = say("part", part.joined.value, self._language, inner="…", least="").strip()
            yield f"{'  ' * depth}[{result}] {joint}"
            for each in part.parts:
                yield from self._tree(each, depth + 1)
        else:
            yield f"{'  ' * depth}[{result}] {part.text(self._language)}"

    def _transition(self, one: Transition) -> str:
        before, after = (words()["state"][state.value][self._language] for state in (one.before, one.after))
        by = "" if one.by == "process" else f"  {one.by}"
        return f"{self._moment(one.decided)}  {before} -> {after}  ({one.trigger.value}){by}"

    def _time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%H:%M:%S}"

    def _moment(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
