"""Writes the site that the bench watches: a hundred doors over MQTT, or a hundred Modbus devices."""

from collections.abc import Sequence
from pathlib import Path

from daemon.commands.user import set_password

SITE = """\
id: bench
name: {{zh: 基准小区, en: Bench}}
timezone: Asia/Shanghai
mqtt: {{host: 127.0.0.1, port: {broker}}}
console: {{host: 127.0.0.1, port: {console}}}
# Every event has to be an announced transition, as in the relays beside it: nothing chatters, nothing is a flood.
annunciation:
  chatter: {{raises: 1000, within: 0.01, quiet: 0.01}}
  flood: {{count: 1000, within: 0.01, ends: 1000, burst: 1000, burst_within: 0.01}}
"""
PASSWORD = "bench-password-of-this-run"  # a throw-away site on loopback


def door_site(folder: Path, broker: int, console: int, doors: int = 100) -> Path:
    """Doors d-0 ... ; `door.held` raises and `door.held_clear` clears the alarm `d-n.held`."""
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE.format(broker=broker, console=console))
    devices = [f"- {{id: d-{n}, profile: estate-door, via: bench-1}}" for n in range(doors)]
    (folder / "devices.yaml").write_text("\n".join(devices) + "\n")
    equipment = [
        f"- {{id: d-{n}, class: door, number: '{n:03}', name: {{zh: 单元门, en: Unit door}},"
        f" place: {{zh: {n}号楼, en: Building {n}}}, device: d-{n}}}"
        for n in range(doors)
    ]
    (folder / "equipment.yaml").write_text("\n".join(equipment) + "\n")
    # Without an off-delay every event is a transition, as in the relays beside it.
    (folder / "rules.yaml").write_text("classes: {door: {rules: {held: {off_delay: 0}}}}\n")
    (folder / "people.yaml").write_text("- {id: bench, name: Bench, role: operator, password: null}\n")
    set_password(folder, "bench", PASSWORD)
    return folder


PROFILE = """\
profile: bench-20
vendor: none
model: twenty registers
source: tests/bench
evidence: own
classes: [tank]
modbus: {}
registers:
  level: {table: holding, address: 0, type: uint16, scale: 0.01, unit: m}
"""
LOW, HIGH = 150, 300  # raw values either side of the limit


def tank_site(folder: Path, broker: int, console: int, ports: Sequence[int]) -> Path:
    """Tanks t-0 ... each on a bus of its own, 20 registers once a second; the alarm is `t-n.high_level`."""
    folder.mkdir(parents=True)
    buses = "".join(f"  - {{id: b-{n}, tcp: '127.0.0.1:{port}'}}\n" for n, port in enumerate(ports))
    (folder / "site.yaml").write_text(SITE.format(broker=broker, console=console) + "buses:\n" + buses)
    (folder / "profiles").mkdir()
    spare = "".join(f"  spare_{n}: {{table: holding, address: {n}, type: uint16}}\n" for n in range(1, 20))
    (folder / "profiles" / "bench-20.yaml").write_text(PROFILE + spare)
    devices = [f"- {{id: t-{n}, profile: bench-20, bus: b-{n}, unit: 1, poll: 1.0}}" for n in range(len(ports))]
    (folder / "devices.yaml").write_text("\n".join(devices) + "\n")
    equipment = [
        f"- {{id: t-{n}, class: tank, number: '{n:03}', name: {{zh: 水箱, en: Tank}},"
        f" place: {{zh: 泵房, en: Pump room}}, device: t-{n}, parameters: {{level_high: 2.0, level_overflow: 9.0}}}}"
        for n in range(len(ports))
    ]
    (folder / "equipment.yaml").write_text("\n".join(equipment) + "\n")
    (folder / "rules.yaml").write_text("classes: {tank: {rules: {high_level: {off_delay: 0, deadband: 0}}}}\n")
    return folder
