"""Event in, alarm out over MQTT: estated with its journal at FULL against two relays without and one with a journal."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from simulators.broker import broker, free_port
from tests.bench.bench_site import door_site
from tests.bench.load import Load, Result
from tests.bench.measured import Measured, child
from tests.running import RunningDaemon

SYSTEMS = ("raw", "paho", "journal", "estated")
RATES: dict[str, tuple[int, float | None]] = {
    "10/s": (50, 10.0),
    "100/s": (500, 100.0),
    "1000/s": (5000, 1000.0),
    "burst 10k": (10_000, None),
}
LONG = 60_000  # events of the first round at 1000/s: one minute without a backlog


@dataclass
class Row:
    """One system at one rate: a list entry per round."""

    results: list[Result] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Milliseconds; the median of the rounds."""
        return median(one.percentile(share) for one in self.results)

    @property
    def worst(self) -> float:
        return max(one.percentile(1.0) for one in self.results)

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.results)

    @property
    def last(self) -> float:
        """Seconds from the first event to the last alarm."""
        return median(one.last for one in self.results)

    @property
    def backlog(self) -> float:
        """Seconds from the last event to the last alarm, the worst round."""
        return max(one.after for one in self.results)

    @property
    def cpu_per_event(self) -> float:
        """Microseconds of CPU of the system itself."""
        return median(used / one.sent * 1e6 for used, one in zip(self.cpu, self.results, strict=True))


Table = dict[tuple[str, str], Row]


async def measure(rounds: int, quick: bool) -> Table:
    table: Table = {}
    for number in range(rounds):
        for system in SYSTEMS:
            with tempfile.TemporaryDirectory() as folder:
                async with broker(Path(folder) / "broker") as running:
                    print(f"  round {number + 1} of {rounds}: {system}", flush=True)
                    long = not quick and number == 0
                    await asyncio.to_thread(_one_system, system, running.port, Path(folder), table, long, number)
    return table


def _one_system(system: str, port: int, folder: Path, table: Table, long: bool, number: int) -> None:
    with _started(system, port, folder) as running:
        load = Load(port, f"b{number}")
        load.run(200, 200.0, 3.0)  # connections and caches warm
        for name, (count, rate) in RATES.items():
            before = running.cpu()
            result = load.run(LONG if long and name == "1000/s" else count, rate, 4.0)
            row = table.setdefault((system, name), Row())
            row.results.append(result)
            row.cpu.append(running.cpu() - before)
            row.memory.append(running.memory())
        load.close()


@contextlib.contextmanager
def _started(system: str, port: int, folder: Path) -> Iterator[Measured]:
    if system != "estated":
        with child(f"tests.bench.relay_{system}", str(port)) as running:
            yield running
        return
    console = free_port()
    with RunningDaemon(door_site(folder / "site", port, console), folder / "state", console) as daemon:
        yield Measured(daemon.pid)


def report(table: Table) -> list[str]:
    """The table in Markdown, with the ratios to the floor."""
    lines = [
        "| system | load | p50 ms | p99 ms | max ms | lost | last alarm s | CPU µs/event | memory MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (system, name), row in sorted(table.items(), key=lambda one: (list(RATES).index(one[0][1]), one[0][0])):
        lines.append(
            f"| {system} | {name} | {row.percentile(0.5):.2f} | {row.percentile(0.99):.2f} | {row.worst:.1f} "
            f"| {row.lost} | {row.last:.2f} | {row.cpu_per_event:.0f} | {row.memory[-1]:.0f} |"
        )
    ours, raw, paho, journal = (
        {name: table[system, name] for name in RATES} for system in ("estated", "raw", "paho", "journal")
    )
    goals = [
        ("p50 at 10/s against the socket relay", ours["10/s"].percentile(0.5) / raw["10/s"].percentile(0.5), 5.0),
        ("p50 at 100/s against the socket relay", ours["100/s"].percentile(0.5) / raw["100/s"].percentile(0.5), 5.0),
        *(
            (
                f"p50 at {rate} against the relay with a journal",
                ours[rate].percentile(0.5) / journal[rate].percentile(0.5),
                2.0,
            )
            for rate in ("10/s", "100/s")
        ),
        ("p99 at 1000/s, ms", ours["1000/s"].percentile(0.99), 50.0),
        ("backlog after a minute at 1000/s, s", ours["1000/s"].backlog, 0.1),
        ("last alarm of a burst against the paho relay", ours["burst 10k"].last / paho["burst 10k"].last, 2.0),
        (
            "CPU per event at 1000/s against the paho relay",
            ours["1000/s"].cpu_per_event / paho["1000/s"].cpu_per_event,
            1.6,
        ),
        ("events lost", sum(row.lost for row in ours.values()), 0.0),
        ("memory after the burst, MB", max(ours["burst 10k"].memory), 90.0),
    ]
    lines += ["", "| goal | measured | limit | |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {is_:.2f} | {limit:g} | {'met' if is_ <= limit else 'MISSED'} |" for what, is_, limit in goals
    ]
    return lines
