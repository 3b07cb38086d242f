"""Writes the site that the bench watches: a hundred doors over MQTT, or a hundred Modbus devices."""

from pathlib import Path

from daemon.commands.user import set_password

SITE = """\
id: bench
name: {{zh: 基准小区, en: Bench}}
timezone: Asia/Shanghai
mqtt: {{host: 127.0.0.1, port: {broker}}}
console: {{host: 127.0.0.1, port: {console}}}
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
