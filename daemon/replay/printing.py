"""A comparison of two runs as lines for people, in Chinese or English."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo
from functools import cache
from pathlib import Path

from daemon.kpi.annunciation import moment
from daemon.kpi.printing import compared
from daemon.replay.compare import Comparison, Difference
from daemon.replay.course import STILL, Occurrence, Outcome

CATALOGUE = Path(__file__).with_name("words.toml")
SHOWN = 5  # occurrences of one alarm and one kind


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


class Printing:
    """In one language and one zone."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self._language = language
        self._zone = zone

    def say(self, key: str, **values: object) -> str:
        return words()[key][self._language].format(**values)

    def lines(self, comparison: Comparison, before: Outcome, after: Outcome) -> Iterator[str]:
        if after.refused:
            yield self.say("refused", count=after.refused)
        yield ""
        if comparison.alarms:
            yield self.say("per_rule")
            for one in comparison.rules:
                if one.before != one.after or one.come or one.gone or one.changed:
                    yield self.say(
                        "rule", rule=one.rule, before=one.before, after=one.after,
                        come=one.come, gone=one.gone, changed=one.changed,
                    )  # fmt: skip
            yield ""
            yield self.say("per_alarm")
            for each in comparison.alarms:
                yield from self._alarm(each)
        else:
            yield self.say("no_difference")
        yield ""
        yield self.say("figures")
        yield from compared(before.figures, after.figures, self._language)

    def _alarm(self, one: Difference) -> Iterator[str]:
        text = one.texts[0] if self._language == "zh" else one.texts[1]
        yield f"{one.before:6} -> {one.after:6}  {self.say('alarm', alarm=one.alarm, text=text)}"
        yield from self._some("come", one.come)
        yield from self._some("gone", one.gone)
        for was, will_be in one.changed[:SHOWN]:
            yield self.say(
                "changed",
                time=self.time(was.raised),
                to=self.time(will_be.raised),
                was=self._lasted(was),
                lasted=self._lasted(will_be),
            )
        if len(one.changed) > SHOWN:
            yield self.say("more", count=len(one.changed) - SHOWN)

    def _some(self, key: str, occurrences: Sequence[Occurrence]) -> Iterator[str]:
        for one in occurrences[:SHOWN]:
            yield self.say(key, time=self.time(one.raised), lasted=self._lasted(one))
        if len(occurrences) > SHOWN:
            yield self.say("more", count=len(occurrences) - SHOWN)

    def time(self, at: int) -> str:
        """`at` in µs since 1970, in the site's zone."""
        return f"{moment(at).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _lasted(self, one: Occurrence) -> str:
        if one.cleared == STILL:
            return self.say("goes_on")
        return str(timedelta(seconds=round((one.cleared - one.raised) / 1e6)))
