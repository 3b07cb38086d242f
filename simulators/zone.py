"""A perimeter zone: a detector loop with end-of-line resistors, measured as a voltage and judged."""

from collections.abc import Mapping
from math import inf
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, number, word
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
        "rain": "the beam breaks every now and then; rate per minute (6)",
        "fog": "the beam is too weak: the detector disqualifies itself",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "bypass": "taken out of watch at the keypad; by, reason, after s (0: until unbypass) it ends by itself",
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
        self._wet = 0.0
        self.points.update(
            state="normal",
            bypassed=False,
            bypass_by="",
            bypass_reason="",
            bypass_until="",
            loop=1.0,
            disqualified=False,
            battery_low=False,
        )

    @property
    def ohm(self) -> float:
        """The loop as it is now, with the leak of a wet cable in parallel."""
        ratio = next((_LOOP[name] for name in _LOOP if name in self.faults), 2.0 if self._wet > 0 else 1.0)
        ohm = ratio * self.end_of_line
        if "wet_cable" not in self.faults:
            return ohm
        leak = self.detail("wet_cable", "ohm", 5000.0)
        return leak if ohm == inf else ohm * leak / (ohm + leak)

    @property
    def _is_sound(self) -> bool:
        return self._seen == self.points["state"] == "normal" and self.points["loop"] == 1.0

    def flow(self, dt: float) -> None:
        if not self.faults and self._wet <= 0.0 and self._is_sound:
            return  # a sound loop's noise never reaches a limit
        self._wet = max(self._wet - dt, 0.0)
        if "rain" in self.faults and self.random.random() < dt * self.detail("rain", "rate", 6.0) / 60.0:
            self._wet = self.random.uniform(0.4, 2.0)
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
        self.points["loop"] = 99.0 if self.ohm == inf else round(self.ohm / self.end_of_line, 2)

    def begin(self, fault: str, details: Details) -> None:
        if fault == "battery_low":
            self.points["battery_low"] = True
            self.happen("zone.low_battery")
        elif fault == "fog":
            self.points["disqualified"] = True
            self.happen("zone.disqualified")

    def end(self, fault: str) -> None:
        if fault == "battery_low":
            self.points["battery_low"] = False
            self.happen("zone.battery_restore")
        elif fault == "fog":
            self.points["disqualified"] = False
            self.happen("zone.qualified")

    def perform(self, act: str, details: Details) -> None:
        if act == "unbypass":
            self._unbypass()
            return
        after = number(details, "after", 0.0)
        self._bypass(word(details, "by", "keypad"), word(details, "reason", "-"), f"{after:g} s" if after else "-")
        if after:
            self.later(after, self._unbypass)

    def write(self, point: str, value: Value) -> None:
        if point != "bypassed":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        if value is True:
            told = self.told
            self._bypass(told.get("by", "-"), told.get("reason", told.get("note", "-")), told.get("until", "-"))
        else:
            self._unbypass()

    def _bypass(self, by: str, reason: str, until: str) -> None:
        self.points.update(bypassed=True, bypass_by=by, bypass_reason=reason, bypass_until=until)
        self.happen("zone.bypass", by=by, reason=reason, until=until)

    def _unbypass(self) -> None:
        self.points.update(bypassed=False, bypass_by="", bypass_reason="", bypass_until="")
        self.happen("zone.unbypass")

    def _become(self, state: str) -> None:
        self.points["state"] = state
        data: dict[str, object] = {"ohm": None if self.ohm == inf else round(self.ohm)}
        if state == "alarm" and "intrusion" in self.faults:
            data["kind"] = word(self.faults["intrusion"].details, "kind", "ir_beam")
            data["dur_ms"] = round(self._seen_for * 1000)
        self.happen(_EVENT[state], **data)
