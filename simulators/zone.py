"""A perimeter zone: a detector loop with end-of-line resistors, measured as a voltage and judged."""

from collections.abc import Mapping
from math import inf
from random import Random
from typing import ClassVar

from simulators.faults import Details, word
from simulators.plant import Plant

END_OF_LINE = 2200.0
SUPPLY = 5.0
"""Resistor and pull-up in ohm, pull-up voltage in V. Other makes use 2k, 3k3, 6k8: a parameter of the zone."""

_LIMITS = ((0.5, "tamper_short"), (1.5, "normal"), (2.5, "alarm"), (3.5, "mask"), (inf, "tamper_open"))
_LOOP = {"zone_short": 0.0, "intrusion": 2.0, "mask": 3.0, "zone_cut": inf}
_EVENT = {
    "normal": "zone.restore",
    "alarm": "zone.alarm",
    "tamper_open": "zone.tamper",
    "tamper_short": "zone.tamper_short",
    "mask": "zone.mask",
    "fault": "zone.fault",
}


def loop_voltage(ohm: float, pull_up: float = END_OF_LINE) -> float:
    """What the panel's input sees, V."""
    return SUPPLY if ohm == inf else SUPPLY * ohm / (ohm + pull_up)


def judge(voltage: float, end_of_line: float = END_OF_LINE) -> str:
    """Zone state from a voltage, by the ratio to one end-of-line resistor (double end of line)."""
    ohm = inf if voltage >= SUPPLY else end_of_line * voltage / (SUPPLY - voltage)
    return next(state for limit, state in _LIMITS if ohm < limit * end_of_line or limit == inf)


class Zone(Plant):
    kind = "zone"
    chatter: ClassVar[tuple[str, str] | None] = ("zone.alarm", "zone.restore")
    faults_offered: ClassVar[Mapping[str, str]] = {
        "intrusion": "somebody crosses; kind (ir_beam)",
        "zone_cut": "line cut",
        "zone_short": "line shorted",
        "mask": "detector covered",
        "wet_cable": "leak beside the loop; ohm (5000): hides alarms, so it is a fault",
        "battery_low": "detector battery low",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "bypass": "taken out of watch at the keypad",
        "unbypass": "watched again",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"alarm": "intrusion", "cut": "zone_cut", "short": "zone_short"}

    def __init__(self, name: str, random: Random, *, end_of_line: float = END_OF_LINE, debounce: float = 0.25) -> None:
        super().__init__(name, random)
        self.end_of_line = end_of_line
        self.debounce = debounce
        self._seen = "normal"
        self._seen_for = 0.0
        self.voltage = loop_voltage(end_of_line, end_of_line)
        self.points.update(state="normal", bypassed=False, battery_low=False)

    @property
    def ohm(self) -> float:
        """The loop as it is now, with the leak of a wet cable in parallel."""
        ratio = next((_LOOP[name] for name in _LOOP if name in self.faults), 1.0)
        ohm = ratio * self.end_of_line
        if "wet_cable" not in self.faults:
            return ohm
        leak = self.detail("wet_cable", "ohm", 5000.0)
        return leak if ohm == inf else ohm * leak / (ohm + leak)

    def flow(self, dt: float) -> None:
        noise = 1.0 + self.random.gauss(0.0, 0.01)
        self.voltage = min(loop_voltage(self.ohm, self.end_of_line) * noise, SUPPLY) if self.ohm != inf else SUPPLY
        judged = judge(self.voltage, self.end_of_line)
        if judged == "normal" and loop_voltage(self.ohm, self.end_of_line) < loop_voltage(
            0.85 * self.end_of_line, self.end_of_line
        ):
            judged = "fault"
        self._seen_for = self._seen_for + dt if judged == self._seen else dt
        self._seen = judged
        if judged != self.points["state"] and self._seen_for >= self.debounce:
            self._become(judged)

    def begin(self, fault: str, details: Details) -> None:
        if fault == "battery_low":
            self.points["battery_low"] = True
            self.happen("zone.low_battery")

    def end(self, fault: str) -> None:
        if fault == "battery_low":
            self.points["battery_low"] = False
            self.happen("zone.battery_restore")

    def perform(self, act: str, details: Details) -> None:
        self.points["bypassed"] = act == "bypass"
        self.happen(f"zone.{act}")

    def _become(self, state: str) -> None:
        self.points["state"] = state
        data: dict[str, object] = {"ohm": None if self.ohm == inf else round(self.ohm)}
        if state == "alarm" and "intrusion" in self.faults:
            data["kind"] = word(self.faults["intrusion"].details, "kind", "ir_beam")
            data["dur_ms"] = round(self._seen_for * 1000)
        self.happen(_EVENT[state], **data)
