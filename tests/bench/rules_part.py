"""Cost of the alarm engine: 10,000 points that change 10,000 times a second, 3,000 rules and ten times as many."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import process_time

from estate.model import EquipmentId, Now, PointId, Quality, Sample
from estate.strict import Text
from rules.engine import Engine
from rules.instance import RuleInstance, instantiate
from rules.rule import EquipmentClass

POINTS = 10_000
RULES = 3_000
RATE = 10_000  # changes per second of virtual time
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = {"zh": "字", "en": "words"}
NAMES = ("level", "running", "door")
KINDS: Mapping[str, str] = {
    "limit": "level > limit",
    "two points": "level > limit and not running",
    "held": "held(level > limit and running, 30s)",
    "within": "within(running, door, 30s)",
    "count": "count(running, 1h) > 5",
    "rate": "running and rate(level, 10m) > 0.01",
}
"""Rules by turns; the last four remember."""
BUSY = 100  # rules that count, each of a point that rises 25 times a second
WINDOWS = ("1s", "3s", "9s")  # with 25, 75 and 225 rises in them


@dataclass
class Figures:
    """µs per change, one entry per round: of all rules, of ten times as many, and of each kind of rule alone."""

    some: list[float] = field(default_factory=list)
    tenfold: list[float] = field(default_factory=list)
    kinds: dict[str, list[float]] = field(default_factory=dict)
    windows: dict[str, list[float]] = field(default_factory=dict)
    transitions: int = 0
    seconds: int = 0

    @property
    def ratio(self) -> float:
        return median(self.tenfold) / median(self.some)


def measure(quick: bool) -> Figures:
    rounds, seconds = (3, 1) if quick else (7, 3)
    figures = Figures(seconds=seconds)
    points = [f"p{index}.{name}" for index in range(RULES) for name in NAMES]
    points += [f"q{index}.level" for index in range(POINTS - len(points))]
    some, tenfold = Plant(_rules(RULES), points), Plant(_rules(10 * RULES), points)
    for plant in (some, tenfold):
        plant.run(1)
    for _ in range(rounds):
        figures.some.append(some.run(seconds))
        figures.tenfold.append(tenfold.run(seconds))
    figures.transitions = some.transitions
    del tenfold
    for name, when in KINDS.items():
        read = [f"p{index}.{point}" for index in range(RULES) for point in NAMES if point in when]
        alone = Plant(_rules(RULES, when), read)
        alone.run(1)
        figures.kinds[name] = [alone.run(1) for _ in range(rounds)]
    for window in WINDOWS:
        wide = Plant(_rules(BUSY, f"count(running, {window}) > 200"), [f"p{index}.running" for index in range(BUSY)])
        wide.run(int(max(WINDOWS)[:-1]) + 1)
        figures.windows[window] = [wide.run(1) for _ in range(rounds)]
    return figures


def _rules(number: int, when: str = "") -> list[RuleInstance]:
    """Equipment by number: the first RULES read the points that change, all others read points that never do."""
    classes = [_class(one) for one in ([when] if when else KINDS.values())]
    found: list[RuleInstance] = []
    for index in range(number):
        cls = classes[index % len(classes)]
        bindings = {name: PointId(f"p{index}.{name}") for name in cls.points}
        found += instantiate(EquipmentId(f"e{index}"), cls, name=Text(zh="设备", en="Equipment"), bindings=bindings)
    return found


def _class(when: str) -> EquipmentClass:
    name = WORDS
    points = {
        "level": {"kind": "analog", "unit": "m", "name": name},
        "running": {"kind": "state", "name": name},
        "door": {"kind": "state", "name": name},
    }
    rule = {
        "when": when,
        "on_delay": 0.5,
        "off_delay": 0.5,
        "deadband": 0.05 if "level" in when else 0.0,
        "priority": 2,
    }
    human = {"text": WORDS, "consequence": WORDS, "response": WORDS}
    return EquipmentClass.model_validate(
        {
            "class": "bench",
            "name": name,
            "points": points,
            "parameters": {"limit": {"default": 1.2, "unit": "m", "source": "bench"}},
            "rules": {"it": {**rule, **human}},
        }
    )


class Plant:
    """Points that change at random, the seed fixed, and the engine that hears of it."""

    def __init__(self, rules: list[RuleInstance], points: Sequence[str]) -> None:
        self._engine = Engine(rules)
        self._random = Random(1)
        self._points = [PointId(point) for point in points]
        self._now = 1000.0
        self.transitions = 0

    def run(self, seconds: int) -> float:
        """µs per change over so many virtual seconds of RATE changes; a step for each 10 ms."""
        steps = [self._step() for _ in range(100 * seconds)]
        gc.collect()
        gc.disable()
        before = process_time()
        for samples, now in steps:
            self.transitions += len(self._engine.step(samples, now))
        spent = process_time() - before
        gc.enable()
        return spent / (seconds * RATE) * 1e6

    def _step(self) -> tuple[list[Sample], Now]:
        samples = []
        for _ in range(RATE // 100):
            self._now += 1 / RATE
            point = self._random.choice(self._points)
            value = self._random.uniform(0.8, 1.4) if point.endswith("level") else self._random.random() < 0.5
            at = BEGIN + timedelta(seconds=self._now)
            samples.append(Sample(point, value, Quality.GOOD, at, self._now))
        return samples, Now(BEGIN + timedelta(seconds=self._now), self._now)


def report(figures: Figures) -> list[str]:
    """The tables in Markdown."""
    some, tenfold = median(figures.some), median(figures.tenfold)
    lines = [
        f"{POINTS} points, {RATE} changes per second of virtual time, {figures.transitions} transitions.",
        "",
        "| rules | µs per change | share of one core |",
        "|---|---|---|",
        f"| {RULES} | {some:.2f} | {some * RATE / 1e4:.1f} % |",
        f"| {10 * RULES}, of which {9 * RULES} read other points | {tenfold:.2f} | {tenfold * RATE / 1e4:.1f} % |",
        "",
        "| every change read by a rule such as | µs per change |",
        "|---|---|",
        *(f"| `{KINDS[name]}` | {median(rounds):.2f} |" for name, rounds in figures.kinds.items()),
        *(f"| `count(running, {window}) > 200` | {median(rounds):.2f} |" for window, rounds in figures.windows.items()),
    ]
    longest, shortest = median(figures.windows[WINDOWS[-1]]), median(figures.windows[WINDOWS[0]])
    goals = [
        ("ten times the rules against once", figures.ratio, 1.5),
        ("a window nine times as long against the shorter", longest / shortest, 1.5),
    ]
    lines += ["", "| goal | measured | limit | |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {is_:.2f} | {limit:g} | {'met' if is_ <= limit else 'MISSED'} |" for what, is_, limit in goals
    ]
    return lines
