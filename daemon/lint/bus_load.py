"""Whether a serial line can carry the polling that its devices ask for: frame lengths at its baud rate, by sum."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.catalogue import Catalogue
from drivers.modbus.plan import Block, plan
from drivers.profile import SLOW_EVERY
from estate.errors import Fault
from estate.folder import SiteFolder
from estate.installation import Bus

MOST = 0.8
"""Share of a line's time above which a repeated read or a missing answer makes the cycles late."""

REQUEST, ANSWER = 8, 5
"""Bytes of a read's request, and of an answer beside its data (Modbus over Serial Line v1.02, §2.5.1)."""

SILENCE, SHORTEST_SILENCE = 3.5, 1.75e-3
"""Characters of rest before each frame, and s of it above 19200 baud (§2.5.1.1)."""

TURNAROUND = 0.01
"""s that a device takes to answer; makers name 5 to 100 ms."""

FAST = 19200


@dataclass(frozen=True, slots=True)
class Load:
    """`share` of the line's time, and reads a second, that the polling of `devices` takes."""

    share: float
    reads: float
    devices: int


def read_time(bus: Bus, block: Block) -> float:
    """s that one read takes on a serial line: request, turnaround, answer, and the rest before each of them."""
    # RTU has 11 bits to a character (§2.5.1); lines without parity and with one stop bit have 10.
    character = (1 + 8 + (bus.parity != "N") + bus.stopbits) / bus.baud
    rest = SHORTEST_SILENCE if bus.baud > FAST else SILENCE * character
    data = -(-block.count // 8) if block.table.is_bits else 2 * block.count
    return (REQUEST + ANSWER + data) * character + 2 * rest + TURNAROUND


def loads(site: SiteFolder, catalogue: Catalogue) -> dict[str, Load]:
    """Of each serial line that is known with its baud rate. Behind a device server only that one knows it."""
    lines = {bus.id: bus for bus in site.outline.buses if bus.serial is not None} if site.outline is not None else {}
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in site.devices:
        device = row.value
        profile = catalogue.profiles.get(device.profile)
        bus = lines.get(device.bus or "")
        if bus is None or profile is None or profile.modbus is None:
            continue
        share = reads = 0.0
        for block in plan(profile):
            often = 1 / (device.poll * (SLOW_EVERY if block.poll == "slow" else 1))
            share += (read_time(bus, block) + profile.modbus.min_interval) * often
            reads += often
        found[bus.id].append((share, reads))
    return {
        bus: Load(sum(share for share, _ in each), sum(reads for _, reads in each), len(each))
        for bus, each in found.items()
    }


def overloaded(site: SiteFolder, catalogue: Catalogue) -> Iterator[Fault]:
    """Serial lines whose polling takes more than MOST of their time, at the line's place in site.yaml."""
    buses = site.outline.buses if site.outline is not None else ()
    carried = loads(site, catalogue)
    for index, bus in enumerate(buses):
        load = carried.get(bus.id)
        if load is not None and load.share > MOST:
            yield site.site_file.fault(
                "bus_load",
                ("buses", index, "id"),
                bus=bus.id,
                baud=bus.baud,
                devices=load.devices,
                load=f"{100 * load.share:.0f}",
                reads=f"{load.reads:.1f}",
            )
