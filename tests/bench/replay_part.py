"""A month of a 500-point site through its rules and through changed ones, on two cores."""

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from daemon.assembly import Assembly, assemble
from daemon.historian.embedded import EmbeddedFile
from daemon.historian.line_protocol import nanoseconds
from daemon.journal import Journal
from daemon.kpi.shift import Shifts
from daemon.replay.parallel import Task, replay
from daemon.replay.play import Played
from daemon.state import StateFolder
from estate.model import PointId, Quality, Sample, Value
from rules.instance import Input

RIVERSIDE = Path(__file__).parent.parent.parent / "examples" / "riverside"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
POINTS = 500
CLASSES = ("sump", "tank", "fire_tank", "booster", "door", "zone", "panel", "lane", "fence", "lamp", "device")
LIMIT = 60.0  # s
PROCESSES = 2
BUSY = 300.0  # s, of a door's or a lane's contacts
QUIET = 2 * 86400.0  # s between two excursions of everything else, each of a minute or so
EXCURSION = 60.0  # s
REST = 3600.0  # s between two fillings of a sump
LOST = 0.001  # share of samples that are bad


@dataclass(frozen=True, slots=True)
class Measured:
    """One replay of old and new rules. `samples` lie in the history; `seconds` on the clock, `cpu` of all processes,
    memory of the largest, `load` of the machine at the end."""

    days: int
    points: int
    rules: int
    samples: int
    seconds: float
    cpu: float
    memory: float
    load: float
    annunciations: tuple[int, int]


def measure(quick: bool = False, seed: int = 1) -> Measured:
    days = 3 if quick else DAYS
    with tempfile.TemporaryDirectory() as folder:
        state = StateFolder(Path(folder) / "state")
        state.history.mkdir(parents=True)
        assembly = assemble(RIVERSIDE)
        start = time.perf_counter()
        samples = write_history(assembly, state, days, seed)
        say(f"  {samples:,} samples of {days} days written in {time.perf_counter() - start:.0f} s")
        new = Path(folder) / "new"
        shutil.copytree(RIVERSIDE, new)
        rules = new / "rules.yaml"
        rules.write_text(rules.read_text("utf-8").replace("classes:\n", CHANGES, 1), "utf-8")
        played = Played(BEGIN, BEGIN + timedelta(days=days), Shifts.parse("08:00,20:00", UTC))
        task = Task(RIVERSIDE, new, state.path, played)
        before, start = getrusage(RUSAGE_CHILDREN), time.perf_counter()
        outcomes = replay(task, _Told(start).hear, PROCESSES)
        seconds, after = time.perf_counter() - start, getrusage(RUSAGE_CHILDREN)
    assert outcomes.new is not None
    return Measured(
        days,
        len(recorded_points(assembly)),
        len(assembly.rules),
        samples,
        seconds,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        after.ru_maxrss / 1024,
        os.getloadavg()[0],
        (outcomes.old.figures.annunciations, outcomes.new.figures.annunciations),
    )


class _Told:
    """Prints every tenth."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._tenths = 0

    def hear(self, share: float) -> None:
        if int(share * 10) > self._tenths:
            self._tenths = int(share * 10)
            say(f"  {self._tenths * 10} % after {time.perf_counter() - self._start:.0f} s")


def say(line: str) -> None:
    print(line, flush=True)


CHANGES = """classes:
  sump:
    parameters: {level_high: 1.0, start_delay: 40.0}
  door:
    rules:
      held: {on_delay: 30}
"""


def write_history(assembly: Assembly, state: StateFolder, days: int, seed: int) -> int:
    """A seeded history of every point that a rule reads, and an empty journal; how many samples."""
    with Journal(state.journal):
        pass
    normals = _normals(assembly)
    inputs = recorded_points(assembly)
    total = 0
    with closing(EmbeddedFile(state.history / "history.db", keep=timedelta(days=days + 1), max_bytes=1 << 40)) as file:
        for point, one in sorted(inputs.items()):
            dice = random.Random(f"{seed} {point}")
            samples = [(sample, nanoseconds(sample.at)) for sample in _point(one, normals[point], days, dice)]
            file.append(samples)
            total += len(samples)
    return total


def recorded_points(assembly: Assembly) -> dict[PointId, Input]:
    """Five hundred points that rules read: plant and security first, then the devices themselves."""
    found: dict[PointId, Input] = {}
    for class_ in CLASSES:
        for instance in assembly.rules:
            if instance.class_ == class_:
                found |= {one.point: one for one in instance.inputs}
    return dict(list(found.items())[:POINTS])


def _point(one: Input, normal: Value, days: int, dice: random.Random) -> Iterator[Sample]:
    """Changes of one point, at random times."""
    at, end = BEGIN + timedelta(seconds=dice.random() * 60), BEGIN + timedelta(days=days)
    for value, lasts in _course(one, normal, dice):
        if at >= end:
            return
        if dice.random() < LOST:
            yield Sample(one.point, None, Quality.NO_COMMUNICATION, at, 0.0)
            at += timedelta(seconds=1)
        yield Sample(one.point, value, Quality.GOOD, at, 0.0)
        at += timedelta(seconds=max(0.05, lasts))


def _course(one: Input, normal: Value, dice: random.Random) -> Iterator[tuple[Value, float]]:
    """Values, and how long (s) each lasts: doors and lanes are used all day, the rest has a trouble every few days."""
    if float in one.types:
        yield from _analog(one, dice)
        return
    used: Value | None = {"contact": "open", "lock": "unlocked", "rex": True}.get(one.name)
    if used is not None and used != normal:
        while True:
            yield normal, dice.expovariate(1 / BUSY)
            yield used, dice.uniform(1.0, 8.0)
    others = [value for value in sorted(one.values, key=str) if value != normal] or [not normal]
    while True:
        yield normal, dice.expovariate(1 / QUIET)
        yield dice.choice(others), EXCURSION * dice.expovariate(1.0)


USUAL = {  # value, how far it strays, s between changes in the mean
    "battery": (95.0, 2.0, 300.0),
    "confidence": (0.93, 0.05, 300.0),
    "alarm_code": (0.0, 0.0, 86400.0),
    "latency": (0.1, 0.05, 60.0),
    "loop": (1.0, 0.02, 60.0),
    "pressure": (4.6, 0.2, 15.0),
    "inlet_pressure": (2.0, 0.2, 15.0),
    "pump_1_speed": (60.0, 20.0, 15.0),
}


def _analog(one: Input, dice: random.Random) -> Iterator[tuple[Value, float]]:
    """A value that strays about its usual one; a level that rises in small steps and is brought down."""
    if one.name in USUAL:
        value, strays, every = USUAL[one.name]
        while True:
            yield round(value + dice.uniform(-strays, strays), 3), dice.expovariate(1 / every)
    sump = one.point.startswith("sump")
    low, high, every = (0.4, 0.78, 20.0) if sump else (1.6, 2.2, 60.0)
    level, falls = low, False
    while True:  # fills in small steps, is drawn down, and a sump then rests
        level += dice.choice((-0.04, -0.02)) if falls else dice.choice((0.0, 0.01, 0.02))
        turned = falls and level <= low
        falls = level > low if falls else level > high
        yield round(level, 2), dice.expovariate(1 / (REST if sump and turned else every))


def _normals(assembly: Assembly) -> dict[PointId, Value]:
    """What each point is on a quiet day."""
    normals: dict[PointId, Value] = {}
    for instance in assembly.rules:
        for one in instance.inputs:
            described = assembly.classes[instance.class_].points[one.name]
            first: Value = described.values[0] if described.values else False
            normals[one.point] = first if described.normal is None else described.normal
    return normals


def report(one: Measured) -> list[str]:
    """The table in Markdown. The verdict is on the clock's time of the whole month and nothing else."""
    lines = [
        f"{one.points} points, {one.rules} rules, {one.days} days, {one.samples:,} samples; through the rules and "
        f"through changed ones, on {PROCESSES} processes.",
        "",
        "| seconds | CPU s, all | CPU s per process | µs CPU per sample | memory MB | annunciations old | new |",
        "|---|---|---|---|---|---|---|",
        f"| {one.seconds:.1f} | {one.cpu:.1f} | {one.cpu / PROCESSES:.1f} | {one.cpu / one.samples * 1e6:.1f} "
        f"| {one.memory:.0f} | {one.annunciations[0]} | {one.annunciations[1]} |",
        "",
    ]
    if one.seconds > 1.3 * one.cpu / PROCESSES:
        lines += [f"The processes had to share the cores with others: load {one.load:.1f}.", ""]
    if one.days < DAYS:
        return [*lines, f"No verdict: the goal is {LIMIT:g} s for {DAYS} days."]
    met = "met" if one.seconds <= LIMIT else "MISSED"
    return [
        *lines,
        "| goal | measured | limit | |",
        "|---|---|---|---|",
        f"| replay of {DAYS} days of a {POINTS}-point site, s | {one.seconds:.1f} | {LIMIT:g} | {met} |",
    ]


if __name__ == "__main__":
    print("\n".join(report(measure("--quick" in sys.argv))))
