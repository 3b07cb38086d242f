"""A hot-water boiler: burner with a band, water that expands with heat, circulation, fuel."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.plant import Plant

SET, BAND = 65.0, 5.0
"""Flow temperature and half of the burner's band, °C (reference/devices.md C11)."""
POWER, LOSS = 0.05, 0.0008
"""K/s of the burner, and K/s per K of difference to the rooms."""
FUEL = 22.0
"""Oil flow of the burner, l/h."""
COLD_FILL = 1.2
"""bar at 20 °C; heating to 65 °C adds 0.3."""


class Boiler(Plant):
    """`outdoor(now)` in °C: the colder, the more the return cools down."""

    kind = "boiler"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "water_leak": "water is lost; rate bar/s (0.01)",
        "overfilled": "filling valve open; pressure bar (2.9)",
        "lockout": "locked out; code (133)",
        "flame_failure": "no flame after three tries",
        "air_fault": "air pressure switch",
        "overheat": "the limit thermostat; flow over 95 °C",
        "return_hot": "no heat is taken; temperature (78)",
        "return_cold": "the return stays cold; temperature (22)",
        "no_fuel_flow": "the oil meter stands while it burns",
        "fuel_valve_open": "the fuel valve does not shut",
        "gas_leak": "gas in the boiler room",
        "pump_stopped": "the circulation pump stands",
        "link_lost": "the interface does not reach the boiler",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"pressure": "set the water pressure; bar"}

    def __init__(self, name: str, random: Random, *, outdoor: Callable[[float], float]) -> None:
        super().__init__(name, random)
        self._outdoor = outdoor
        self.water = random.uniform(58.0, 68.0)
        self.fill = COLD_FILL
        self.burning = False
        self._measure()

    def flow(self, dt: float) -> None:
        blocked = {"lockout", "flame_failure", "air_fault"} & self.faults.keys()
        if self.water < SET - BAND:
            self.burning = True
        elif self.water > SET + BAND:
            self.burning = False
        self.burning = self.burning and not blocked
        gain = POWER if self.burning else 0.0
        self.water += (gain - LOSS * (self.water - 22.0)) * dt
        if "water_leak" in self.faults:
            self.fill = max(0.0, self.fill - self.detail("water_leak", "rate", 0.01) * dt)
        self._measure()

    def end(self, fault: str) -> None:
        if fault == "water_leak":
            self.fill = COLD_FILL

    def perform(self, act: str, details: Details) -> None:
        self.fill = number(details, "pressure", COLD_FILL)

    def settle(self) -> None:
        super().settle()
        self._measure()

    def _measure(self) -> None:
        faults = self.faults.keys()
        lost = "link_lost" in faults
        always = bool({"no_fuel_flow", "pump_stopped", "return_cold"} & faults)
        flame = (self.burning or always) and "fuel_valve_open" not in faults
        pressure = self.fill + 0.3 * (self.water - 20.0) / 45.0
        if "overfilled" in faults:
            pressure = self.detail("overfilled", "pressure", 2.9)
        back = self.water - 12.0 - 0.2 * (20.0 - self._outdoor(self.now))
        back = self.detail("return_hot", "temperature", 78.0) if "return_hot" in faults else back
        back = self.detail("return_cold", "temperature", 22.0) if "return_cold" in faults else back
        self.points.update(
            pressure=None if lost else pressure + self.random.gauss(0.0, 0.01),
            return_temperature=None if lost else back,
            flow_temperature=None if lost else 97.0 if "overheat" in faults else self.water,
            flame=flame,
            fault=bool({"lockout", "flame_failure", "air_fault"} & faults),
            error_code=int(self.detail("lockout", "code", 133.0)) if "lockout" in faults else 0,
            low_water_pressure=pressure < 0.5,
            flame_fault="flame_failure" in faults,
            air_pressure_fault="air_fault" in faults,
            overheated="overheat" in faults,
            link_lost=lost,
            fuel_flow=0.0 if "no_fuel_flow" in faults or not flame else FUEL,
            fuel_valve_open=flame or "fuel_valve_open" in faults,
            gas_leak="gas_leak" in faults,
            pump_running="pump_stopped" not in faults,
            heating_active=True,
            hot_water_active=False,
            hot_water_temperature=50.0,
            modulation=60.0 if flame else 0.0,
            outdoor_temperature=self._outdoor(self.now),
        )
