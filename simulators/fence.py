"""A pulse fence: one pulse a second goes out at several kilovolts and has to come back at the far end."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.climate import dry_sky
from simulators.faults import Details
from simulators.plant import Plant

PULSE = 1.2
"""s between two pulses (1.0 to 1.3)."""
DRY, WET = 7.2, 6.2
"""kV at the output, with dry and with wet insulators."""
WETS = 0.5
"""mm/h that wet them."""
LOST = 0.4
"""kV lost along the fence."""
ALARM_BELOW, ALARM_AFTER = 3.5, 3
"""A reply under so many kV counts as missing; so many in a row are an alarm."""


class Fence(Plant):
    """`rain(now)` is what falls by itself, mm/h."""

    kind = "fence"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "fence_cut": "cut: nothing comes back",
        "climbed": "wires pressed together: the reply is too weak",
        "grounded": "bridged to ground: 1.5 kV at the output",
        "plants": "plants on the wires: 2.6 kV less",
        "rain": "wet insulators",
        "energizer_dead": "no pulses at either end",
        "tamper": "cabinet opened",
        "power_loss": "mains lost, battery carries",
        "gate_open": "the service gate is open",
    }

    def __init__(self, name: str, random: Random, *, rain: Callable[[float], float] = dry_sky) -> None:
        super().__init__(name, random)
        self._falls = rain
        self._next = 0.0
        self._alarmed = False
        self.points.update(
            voltage=DRY,
            return_voltage=DRY - LOST,
            missed=0,
            energizer="ok",
            supply="ok",
            tamper=False,
            wet=False,
            gate_open=False,
        )

    def flow(self, dt: float) -> None:
        self.points["wet"] = "rain" in self.faults or self._falls(self.now) >= WETS
        while self._next <= self.now:
            self._next += PULSE
            self._pulse()

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "energizer_dead":
                self.points["energizer"] = "fault"
                self.happen("fence.fault")
            case "tamper":
                self.points["tamper"] = True
                self.happen("fence.tamper")
            case "power_loss":
                self.points["supply"] = "battery"
            case "rain":
                self.points["wet"] = True
            case "gate_open":
                self.points["gate_open"] = True
                self.happen("fence.gate_open")

    def end(self, fault: str) -> None:
        match fault:
            case "energizer_dead":
                self.points["energizer"] = "ok"
                self.happen("fence.fault_restore")
            case "tamper":
                self.points["tamper"] = False
                self.happen("fence.tamper_restore")
            case "power_loss":
                self.points["supply"] = "ok"
            case "rain":
                self.points["wet"] = False
            case "gate_open":
                self.points["gate_open"] = False
                self.happen("fence.gate_shut")

    def _pulse(self) -> None:
        out, back = self._voltages()
        self.points.update(voltage=out, return_voltage=back)
        if back >= ALARM_BELOW:
            self.points["missed"] = 0
            if self._alarmed:
                self._alarmed = False
                self.happen("fence.restore", voltage_kv=out, return_kv=back)
            return
        missed = self.points["missed"]
        assert isinstance(missed, int)
        self.points["missed"] = min(missed + 1, ALARM_AFTER)
        if self.points["missed"] == ALARM_AFTER and not self._alarmed and self._is_intrusion(out):
            self._alarmed = True
            self.happen("fence.alarm", missed=ALARM_AFTER, voltage_kv=out, return_kv=back)

    def _voltages(self) -> tuple[float, float]:
        """Output and reply in kV, in steps of 0.1 so that noise is no news."""
        if "energizer_dead" in self.faults or "gate_open" in self.faults:
            return 0.0, 0.0
        out = WET if self.points["wet"] else DRY
        if "plants" in self.faults:
            out -= 2.6
        if "grounded" in self.faults:
            return 1.5, 0.0
        if "fence_cut" in self.faults:
            return round(out, 1), 0.0
        if "climbed" in self.faults:
            return round(out - 0.5, 1), 2.0
        return round(out, 1), round(out - LOST, 1)

    def _is_intrusion(self, out: float) -> bool:
        return out >= ALARM_BELOW
