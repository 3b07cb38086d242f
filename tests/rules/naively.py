"""Functions over time computed anew from the whole history, second by second: the independent answer.

A history is a list of values, one for each second and lasting until the next; None is unknown, and so is
all that was before. A window of n seconds that ends at second k reaches into the seconds k-n to k.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Values = Sequence[Any]
History = Mapping[str, Values]
Naive = Callable[[History], list[Any]]


def point(name: str) -> Naive:
    return lambda history: list(history[name])


def over(name: str, limit: float) -> Naive:
    return lambda history: [None if one is None else one > limit for one in history[name]]


def negated(one: Naive) -> Naive:
    return lambda history: [None if value is None else not value for value in one(history)]


def at_least(least: int, *parts: Naive) -> Naive:
    def answers(history: History) -> list[Any]:
        found = []
        for values in zip(*(part(history) for part in parts), strict=True):
            true, unknown = values.count(True), values.count(None)
            found.append(True if true >= least else None if true + unknown >= least else False)
        return found

    return answers


def both(*parts: Naive) -> Naive:
    return at_least(len(parts), *parts)


def either(*parts: Naive) -> Naive:
    return at_least(1, *parts)


def windows(values: list[Any], seconds: int) -> list[list[Any]]:
    before = [None] * seconds + values
    return [before[place : place + seconds + 1] for place in range(len(values))]


def recently(one: Naive, seconds: int) -> Naive:
    def answers(history: History) -> list[Any]:
        return [True if True in seen else None if None in seen else False for seen in windows(one(history), seconds)]

    return answers


def held(one: Naive, seconds: int) -> Naive:
    return negated(recently(negated(one), seconds))


def fewest(seen: list[Any]) -> int:
    """The fewest rises after the first second that fit what was seen, over all that may have been."""
    cost = {value: 0 for value in (True, False) if seen[0] in (value, None)}
    for one in seen[1:]:
        cost = {
            value: min(before_cost + (value and not before) for before, before_cost in cost.items())
            for value in (True, False)
            if one in (value, None)
        }
    return min(cost.values())


def counted(one: Naive, seconds: int, least: int) -> Naive:
    """count(c, n) >= least"""

    def answers(history: History) -> list[Any]:
        found = []
        for seen in windows(one(history), seconds):
            rises = fewest(seen)
            found.append(True if rises >= least else None if None in seen else False)
        return found

    return answers


def changed(name: str, seconds: int) -> Naive:
    def answers(history: History) -> list[Any]:
        found = []
        for seen in windows(list(history[name]), seconds):
            known = [value for value in seen if value is not None]
            if any(one != other for one, other in pairwise(known)):
                found.append(True)
            else:
                found.append(None if None in seen else False)
        return found

    return answers


def risen(one: Naive, seconds: int) -> Naive:
    """since(c) >= n, for a condition that is known all the time once it is known."""

    def answers(history: History) -> list[Any]:
        found = []
        values = one(history)
        for second in range(len(values)):
            rises = [place for place in range(1, second + 1) if values[place] is True and values[place - 1] is False]
            known = [place for place in range(second + 1) if values[place] is not None]
            if rises:
                found.append(second - rises[-1] >= seconds)
            elif known and values[known[0]] is True:
                found.append(True if second - known[0] >= seconds else None)
            else:
                found.append(None)
        return found

    return answers
