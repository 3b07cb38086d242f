"""What a person reads of stories played: each miss with its place and a diff, rules no story raised, and a summary."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from daemon.stories.playing import Miss, Played
from estate.wording import catalogue
from rules.instance import RuleInstance


def misses(played: Played, language: str) -> Iterator[str]:
    """The lines about one story; none when it came true."""
    words = catalogue()
    for miss in played.misses:
        yield f"{_short(miss.file)}:{miss.line}: {miss.at} {miss.about}"
        yield f"    {played.row.value.story.in_(language)}"
        yield "  - " + words["story_wanted"][language].format(wanted=miss.wanted)
        yield "  + " + words["story_found"][language].format(found=miss.found)
        yield from _behind(miss, language)


def _behind(miss: Miss, language: str) -> Iterator[str]:
    """The rule, the values it had at that moment, and the parameters and delays that decide."""
    rule = miss.rule
    if rule is None:
        return
    condition = " unless ".join(one for one in (rule.rule.when, rule.rule.unless) if one)
    named = set(re.findall(r"\w+", condition))
    settings = [f"{name} = {_plain(value)}" for name, value in rule.parameters.items() if name in named]
    settings += [
        f"{name} {delay:g} s" for name, delay in (("on_delay", rule.on_delay), ("off_delay", rule.off_delay)) if delay
    ]
    lines = {
        "story_when": condition,
        "story_values": ", ".join(f"{name} = {value}" for name, value in miss.values),
        "story_settings": ", ".join(settings),
    }
    for code, what in lines.items():
        if what:
            yield "    " + catalogue()[code][language].format(what=what)


def never_raised(rules: Iterable[RuleInstance], played: Iterable[Played]) -> dict[str, list[str]]:
    """Class to its rules that no story raised on any equipment. A rule counts once, however many sumps have it."""
    raised = {alarm for one in played for alarm in one.raised}
    kinds: dict[tuple[str, str], bool] = {}
    for rule in rules:
        kind = (rule.class_, rule.rule_name)
        kinds[kind] = kinds.get(kind, False) or rule.alarm in raised
    missing = sorted(kind for kind, was_raised in kinds.items() if not was_raised)
    return {class_: [name for _, name in group] for class_, group in groupby(missing, lambda kind: kind[0])}


def coverage(rules: Sequence[RuleInstance], played: Sequence[Played], language: str) -> Iterator[str]:
    """One line for each class with rules that no story raised; nothing when all were."""
    missing = never_raised(rules, played)
    if not missing:
        return
    yield catalogue()["story_uncovered"][language]
    for class_, names in missing.items():
        yield f"    {class_}: {', '.join(names)}"


def summary(rules: Sequence[RuleInstance], played: Sequence[Played], took: float, language: str) -> str:
    """`took` in s of real time."""
    kinds = {(rule.class_, rule.rule_name) for rule in rules}
    missing = sum(map(len, never_raised(rules, played).values()))
    return catalogue()["story_summary"][language].format(
        stories=len(played),
        failed=sum(bool(one.misses) for one in played),
        hours=f"{sum(one.seconds for one in played) / 3600:.1f}",
        took=f"{took:.2f}",
        raised=len(kinds) - missing,
        rules=len(kinds),
    )


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(file: str) -> str:
    """As seen from where the command was given, if it lies below."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
