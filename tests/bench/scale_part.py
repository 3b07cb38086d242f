"""A thousand households on two cores: the daemon with the whole simulated estate beside it, measured from outside."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.assembly import Assembly, assemble
from daemon.commands.user import set_password
from estate.site import Site, load_site
from simulators.broker import RunningBroker, broker, free_port
from simulators.relocate import relocate
from tests.bench.measured import Measured
from tests.bench.scale_site import Size, scale_site
from tests.bench.scale_taps import Taps
from tests.bench.scale_watch import Doors, Picture, fetch, loop_delay
from tests.running import Desk, RunningDaemon
from tests.system.estate import Controls, simulators

PASSWORD = "bench-password-of-this-run"  # a throw-away site on loopback
OPERATOR = "li"
EVENT_EVERY = 0.6  # s between two doors that are tampered with: none three times in a minute, which would be chattering
HELD_UP = "the event loop was held up"


@dataclass
class Scaled:
    """Seconds, MB, ms and shares of one core, as the names say."""

    devices: int = 0
    equipment: int = 0
    points: int = 0
    rules: int = 0
    households: int = 0
    load_before: float = 0.0
    assembled: float = 0.0
    ready: float = 0.0
    picture: float = 0.0
    ready_cpu: float = 0.0
    start_cpu: float = 0.0
    cpu: float = 0.0
    cpu_watched: float = 0.0
    memory: float = 0.0
    simulator_cpu: float = 0.0
    simulator_memory: float = 0.0
    broker_cpu: float = 0.0
    to_console: float = 0.0
    waited: float = 0.0
    seconds: float = 0.0
    polls: list[tuple[float, float]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    held_up: int = 0
    snapshot: tuple[float, int] = (0.0, 0)
    document: tuple[float, int] = (0.0, 0)


def say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True)


async def measure(quick: bool) -> Scaled:
    found = Scaled(load_before=os.getloadavg()[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = scale_site(folder / "site", Size().tenth() if quick else Size())
        set_password(site, OPERATOR, PASSWORD)
        begin = time.perf_counter()
        assembly = await asyncio.to_thread(assemble, site)
        found.assembled = time.perf_counter() - begin
        _count(found, assembly)
        say(
            f"{found.households} households, {found.devices} devices, {found.points} points, {found.rules} rules;"
            f" put together in {found.assembled:.1f} s"
        )
        port = free_port()
        async with (
            broker(folder / "broker") as running,
            simulators(site, folder / "played", running, port) as (controls, played),
            _tapped(played, folder / "tapped") as (taps, tapped),
        ):
            say("every device is played")
            daemon = RunningDaemon(tapped.folder, folder / "state", port)
            try:
                await _start(daemon, found)
                await _steady(daemon, running, controls, taps, tapped, assembly, found, quick)
            finally:
                await asyncio.to_thread(daemon.stop)
            lines = [line for line in daemon.log.read_text("utf-8").splitlines() if HELD_UP in line]
            found.held_up = len(lines)
            for line in lines:
                say(line)
    return found


def _count(found: Scaled, assembly: Assembly) -> None:
    site = assembly.site
    found.devices, found.equipment = len(site.devices), len(site.equipment)
    found.rules, found.points = len(assembly.rules), len(assembly.max_age)
    found.households = sum(one.class_ == "panel" for one in site.equipment)


@contextlib.asynccontextmanager
async def _tapped(played: Path, into: Path) -> AsyncIterator[tuple[Taps, Site]]:
    """The played site with every line led through a tap."""
    site = load_site(played)
    async with Taps({bus.id: bus for bus in site.buses}) as taps:
        buses = {name: f"127.0.0.1:{port}" for name, port in taps.ports.items()}
        yield taps, load_site(relocate(played, into, buses=buses))


async def _start(daemon: RunningDaemon, found: Scaled) -> None:
    begin = time.monotonic()
    await asyncio.to_thread(daemon.start, 180.0)
    process = Measured(daemon.pid)
    found.ready, found.ready_cpu = time.monotonic() - begin, process.cpu()
    say(f"daemon ready after {found.ready:.1f} s, {found.ready_cpu:.1f} s of CPU, {process.memory():.0f} MB")
    desk = await asyncio.to_thread(Desk, daemon.port, OPERATOR, PASSWORD)
    picture = Picture()
    following = asyncio.create_task(picture.follow(daemon.port, desk.cookie))
    told = begin
    while (missing := found.devices - picture.devices) > 0:
        if following.done():
            following.result()
        if time.monotonic() - told > 2.0:
            told = time.monotonic()
            say(f"{missing} devices not yet heard, {process.memory():.0f} MB")
        if time.monotonic() - begin > 300:
            raise TimeoutError(f"{missing} devices are not heard")
        await asyncio.sleep(0.25)
    found.picture, found.start_cpu = time.monotonic() - begin, process.cpu()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    say(f"first complete picture after {found.picture:.1f} s, {found.start_cpu:.1f} s of CPU")


async def _steady(
    daemon: RunningDaemon, running: RunningBroker, controls: Controls, taps: Taps, site: Site, assembly: Assembly,
    found: Scaled, quick: bool,
) -> None:  # fmt: skip
    desk = await asyncio.to_thread(Desk, daemon.port, OPERATOR, PASSWORD)
    process, player = Measured(daemon.pid), Measured(_simulator())
    others = Measured(running.process.pid) if running.process is not None else None
    seconds = 2.0 if quick else 60.0
    await asyncio.sleep(0.0 if quick else 15.0)
    say(f"quiet: {seconds:g} s without a console")
    before, begin = process.cpu(), time.monotonic()
    played, brokered = player.cpu(), others.cpu() if others else 0.0
    await asyncio.sleep(seconds)
    found.seconds = time.monotonic() - begin
    found.cpu = (process.cpu() - before) / found.seconds
    found.simulator_cpu = (player.cpu() - played) / found.seconds
    found.broker_cpu = (others.cpu() - brokered) / found.seconds if others else 0.0
    found.polls = list(taps.intervals({one.id: one for one in site.devices}, assembly.profiles, begin))
    say(f"busy: {seconds:g} s with an open console and a door tampered with every {EVENT_EVERY:g} s")
    doors, picture = Doors(running.port, site.id), Picture()
    with doors.listening():
        watching = [
            asyncio.create_task(picture.follow(daemon.port, desk.cookie)),
            asyncio.create_task(loop_delay(daemon.port, found.delays)),
        ]
        await asyncio.sleep(1.0)
        before, waited, begin = process.cpu(), process.waited(), time.monotonic()
        for door in _doors(site):
            await controls.fault(door, "tamper", seconds=2)
            await asyncio.sleep(EVENT_EVERY)
            if time.monotonic() - begin > seconds:
                break
        lasted = time.monotonic() - begin
        found.waited = (process.waited() - waited) / lasted
        found.cpu_watched, found.to_console = (process.cpu() - before) / lasted, picture.bytes / lasted
        await asyncio.sleep(1.0)
        for one in watching:
            one.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    found.latencies, found.lost = doors.latencies, doors.unanswered
    found.memory, found.simulator_memory = process.memory(), player.memory()
    for what in ("snapshot", "document"):
        path = "/api/snapshot" if what == "snapshot" else "/api/site"
        took, body = await asyncio.to_thread(fetch, daemon.port, desk.cookie, path)
        setattr(found, what, (took, len(body)))


def _doors(site: Site) -> Iterator[str]:
    """Lobby doors, round and round."""
    names = [one.id for one in site.equipment if one.class_ == "door" and one.parameters.get("place_kind") == "lobby"]
    while True:
        yield from names


def _simulator() -> int:
    """The child of this process that plays the site."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == os.getpid() and b"simulate" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
    raise ProcessLookupError("no simulator")


def at(values: list[float], share: float) -> float:
    ordered = sorted(values) or [float("nan")]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(found: Scaled) -> list[str]:
    ratios = [measured / nominal for nominal, measured in found.polls]
    periods = sorted({nominal for nominal, _ in found.polls})
    lines = [
        f"{found.households} households, {found.equipment} equipment, {found.devices} devices, {found.points} points of"
        f" devices, {found.rules} rules; the simulator beside it; load average before {found.load_before:.2f}",
        "",
        "| what | measured |",
        "|---|---|",
        f"| start to ready, s | {found.ready:.1f} |",
        f"| start to first complete picture, s | {found.picture:.1f} |",
        f"| CPU until ready; until then, s | {found.ready_cpu:.1f}; {found.start_cpu:.1f} |",
        f"| daemon, share of a core, no console open | {found.cpu:.2f} |",
        f"| daemon, share of a core, a console open and a door tampered with every 0.6 s | {found.cpu_watched:.2f} |",
        f"| daemon, share of that time without a free core | {found.waited:.2f} |",
        f"| daemon, resident memory, MB | {found.memory:.0f} |",
        f"| simulator, share of a core; MB | {found.simulator_cpu:.2f}; {found.simulator_memory:.0f} |",
        f"| broker, share of a core | {found.broker_cpu:.2f} |",
        f"| answer of the loop p50 / p99 / max, ms | {at(found.delays, 0.5):.1f} / {at(found.delays, 0.99):.1f}"
        f" / {max(found.delays, default=float('nan')):.1f} |",
        f"| hold-ups over 200 ms in the log | {found.held_up} |",
        f"| to an open console, kB/s | {found.to_console / 1000:.0f} |",
        f"| snapshot for a console: ms, kB | {found.snapshot[0] * 1000:.0f}, {found.snapshot[1] / 1000:.0f} |",
        f"| site document: ms, kB | {found.document[0] * 1000:.0f}, {found.document[1] / 1000:.0f} |",
    ]
    for period in periods:
        some = [measured for nominal, measured in found.polls if nominal == period]
        lines.append(
            f"| polls every {period:g} s: number, p50 / p99, s | {len(some)}, {at(some, 0.5):.3f}"
            f" / {at(some, 0.99):.3f} |"
        )
    goals = [
        ("event to alarm on MQTT p50, ms", at(found.latencies, 0.5), 50.0),
        ("event to alarm on MQTT p99, ms", at(found.latencies, 0.99), 500.0),
        ("events without alarm", float(found.lost), 0.0),
        ("poll interval p99 over nominal", at(ratios, 0.99), 1.5),
        ("share of a core, daemon", found.cpu_watched, 0.5),
        ("daemon and simulator together, cores", found.cpu_watched + found.simulator_cpu, 2.0),
        ("memory of the daemon, MB", found.memory, 400.0),
        ("start to first complete picture, s", found.picture, 60.0),
    ]
    lines += ["", "| goal | measured | limit | |", "|---|---|---|---|"]
    for what, measured, limit in goals:
        lines.append(f"| {what} | {measured:.2f} | {limit:g} | {'met' if measured <= limit else 'MISSED'} |")
    return lines
