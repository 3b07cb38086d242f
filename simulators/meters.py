"""Meters of electricity, photovoltaics and water: loads over the day, counts that never fall, and how they go wrong."""

import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.grid import NOMINAL, Paced, daylight

FACTOR = 0.94
UNBALANCE = (1.03, 0.99, 0.98)
"""reference/devices.md C7: 2 to 8 %."""

COUNT_FAULTS: Mapping[str, str] = {
    "meter_stopped": "the count stands still",
    "meter_backwards": "the count runs backwards",
}
COUNT_ACTS: Mapping[str, str] = {
    "meter_replaced": "a new meter; level it begins with (0)",
    "meter_jump": "the count jumps; offset (5000)",
}


def single(value: float) -> float:
    """As a 32-bit float holds it: on a big count the last kWh come in lumps (reference/devices.md C7)."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


def household(hour: float) -> float:
    """Share of the day's peak: base at night, a hump in the morning, most in the evening."""
    if 18.0 <= hour < 23.0:
        return 1.0
    if 6.5 <= hour < 9.0:
        return 0.7
    return 0.25 if hour < 6.0 else 0.45


LOST = 1.03
"""What a main meter counts of what those behind it do: cables and what has no meter of its own take the rest."""


class Meter(Paced):
    """What all counts have in common. A main meter carries what is `behind` it, and a little more."""

    every: ClassVar[float] = 2.0
    faults_offered: ClassVar[Mapping[str, str]] = COUNT_FAULTS
    acts_offered: ClassVar[Mapping[str, str]] = COUNT_ACTS

    def __init__(self, name: str, random: Random, *, count: float) -> None:
        super().__init__(name, random)
        self.count = count
        self.behind: list[Meter] = []

    @property
    def drawn(self) -> float:
        """kW or m3/h that pass through it now."""
        raise NotImplementedError

    @property
    def carried(self) -> float:
        return LOST * sum(one.drawn for one in self.behind)

    def add(self, amount: float) -> None:
        if "meter_backwards" in self.faults:
            self.count = max(0.0, self.count - abs(amount))
        elif "meter_stopped" not in self.faults:
            self.count += amount

    def perform(self, act: str, details: Details) -> None:
        if act == "meter_replaced":
            self.count = number(details, "level", 0.0)
        else:
            self.count += number(details, "offset", 5000.0)


class EnergyMeter(Meter):
    """`fed()` is whether its circuit has power; `peak` kW in the evening."""

    kind = "energy_meter"
    faults_offered: ClassVar[Mapping[str, str]] = {
        **COUNT_FAULTS,
        "phase_loss": "a fuse has blown; n (1)",
        "ct_reversed": "a current transformer is the wrong way round; n (1)",
        "overload": "more current than the circuit may carry; factor (3)",
        "unbalance": "one phase carries most",
        "readings_frozen": "the meter shows old values",
    }

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        fed: Callable[[], bool],
        hour: Callable[[float], float],
        peak: float = 24.0,
    ) -> None:
        super().__init__(name, random, count=random.uniform(20_000.0, 60_000.0))
        self._fed = fed
        self._hour = hour
        self._peak = peak
        self.power = 0.0
        self.measure(0.0)

    @property
    def drawn(self) -> float:
        return self.power

    def work(self, dt: float) -> None:
        self.add(self.power * dt / 3600.0)

    def _usual(self) -> float:
        if self.behind:
            return self.carried
        return self._peak * household(self._hour(self.now)) * (1.0 + self.random.gauss(0.0, 0.02))

    def measure(self, dt: float) -> None:
        if "readings_frozen" in self.faults:
            return
        noise = self.random.gauss
        live = self._fed()
        factor = self.detail("overload", "factor", 3.0) if "overload" in self.faults else 1.0
        self.power = self._usual() * factor if live else 0.0
        lost = int(self.detail("phase_loss", "n", 1)) if "phase_loss" in self.faults else 0
        turned = int(self.detail("ct_reversed", "n", 1)) if "ct_reversed" in self.faults else 0
        shown = 0.0
        for phase, share in enumerate(UNBALANCE, 1):
            if "unbalance" in self.faults:
                share = 1.8 if phase == 1 else 0.6
            part = 0.0 if phase == lost else self.power / 3.0 * share
            volt = 0.0 if not live else 14.0 if phase == lost else NOMINAL + noise(0.0, 0.5)
            self.points[f"voltage_l{phase}"] = volt
            self.points[f"current_l{phase}"] = part * 1000.0 / FACTOR / NOMINAL
            self.points[f"power_l{phase}"] = -part if phase == turned else part
            shown += -part if phase == turned else part
        self.points.update(
            energy_import=single(self.count),
            energy_export=0.0,
            power=shown,
            apparent_power=self.power / FACTOR,
            reactive_power=self.power * 0.36,
            power_factor=FACTOR,
            frequency=50.0 + noise(0.0, 0.01) if live else 0.0,
        )


class PvMeter(Meter):
    """Panels of `peak` kW; what the estate does not use at that moment is fed in."""

    kind = "pv_meter"
    faults_offered: ClassVar[Mapping[str, str]] = {
        **COUNT_FAULTS,
        "inverter_fault": "no yield although the sun shines",
    }

    def __init__(
        self, name: str, random: Random, *, hour: Callable[[float], float], peak: float = 40.0, own: float = 18.0
    ) -> None:
        super().__init__(name, random, count=random.uniform(30_000.0, 50_000.0))
        self._hour = hour
        self._peak = peak
        self._own = own
        self.fed_in = 0.4 * self.count
        self.power = 0.0
        self.measure(0.0)

    @property
    def drawn(self) -> float:
        return self.power

    def work(self, dt: float) -> None:
        before = self.count
        self.add(self.power * dt / 3600.0)
        surplus = max(0.0, self.power - self._own) / self.power if self.power > 0.0 else 0.0
        self.fed_in += max(0.0, self.count - before) * surplus

    def measure(self, dt: float) -> None:
        sun = daylight(self._hour(self.now))
        broken = "inverter_fault" in self.faults
        self.power = 0.0 if broken or sun < 500.0 else self._peak * sun / 60_000.0 * (1 + self.random.gauss(0.0, 0.01))
        self.points.update(
            energy_yield=self.count,
            energy_feed_in=self.fed_in,
            power=self.power,
            sunlight=sun,
            inverter_fault=broken,
        )


class WaterMeter(Meter):
    """`draw(now)` is what the branch draws, m3/h; at night there are hours without any."""

    kind = "water_meter"
    faults_offered: ClassVar[Mapping[str, str]] = {
        **COUNT_FAULTS,
        "burst": "pipe burst; flow m3/h (35)",
        "leak": "a cistern runs; flow m3/h (0.1)",
        "runs_back": "check valve leaks: water runs back",
    }

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        hour: Callable[[float], float],
        peak: float = 1.5,
        count: float | None = None,
    ) -> None:
        super().__init__(name, random, count=random.uniform(1_000.0, 9_000.0) if count is None else count)
        self._hour = hour
        self._peak = peak
        self._back = 0.0
        self.rate = 0.0
        self.measure(0.0)

    @property
    def drawn(self) -> float:
        return self.rate

    def work(self, dt: float) -> None:
        self.add(self.rate * dt / 3600.0)
        if "runs_back" in self.faults:
            self._back += 0.5 * dt / 3600.0

    def measure(self, dt: float) -> None:
        hour = self._hour(self.now)
        usual = 0.0 if 1.0 <= hour < 5.0 else self._peak * household(hour) * (1.0 + self.random.gauss(0.0, 0.1))
        if self.behind:
            usual = self.carried
        extra = self.detail("burst", "flow", 35.0) if "burst" in self.faults else 0.0
        extra += self.detail("leak", "flow", 0.1) if "leak" in self.faults else 0.0
        self.rate = max(0.0, usual) + extra
        self.points.update(
            volume=self.count,
            reverse_volume=self._back,
            flow=self.rate,
        )
