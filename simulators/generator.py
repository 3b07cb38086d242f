"""A diesel set with its controller: delay, crank, run, cool down, stop; fuel, battery, and the ways it fails."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number
from simulators.grid import NOMINAL, Paced, Supply

START_DELAY = 5.0
PREHEAT, CRANK, RUN_UP = 1.0, 3.0, 5.0
CRANK_FAILS, REST, TRIES = 10.0, 7.0, 3
COOL_DOWN, SPIN_DOWN = 120.0, 10.0
"""s, all after reference/devices.md C6."""
TANK, RATED = 500.0, 200.0
"""l and kW of a 250 kVA set."""
FLOAT, REST_VOLTAGE, CRANKING, WEAK_CRANKING = 27.4, 25.2, 19.0, 13.0
"""V of a 24 V starter battery."""


class Generator(Paced):
    """Runs while it is `called` by a transfer switch, or by itself when the mains is bad; only in auto.

    `load()` is what it carries, kW.
    """

    kind = "generator"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "fail_to_start": "cranks and does not fire",
        "not_in_auto": "left in manual",
        "fuel_low": "little fuel; level % (12)",
        "fuel_theft": "fuel drawn off; rate %/min (0.75)",
        "battery_weak": "starter battery worn out: 24.1 V at rest, 13 V cranking",
        "charger_failed": "no float charge",
        "emergency_stop": "button pressed",
        "low_oil": "no oil pressure",
        "high_temp": "coolant at 104 degrees: trips",
        "over_speed": "governor fails: trips",
        "overload": "carries more than it can",
        "breaker_open": "its breaker does not close",
        "maintenance_due": "service interval over",
        "fail_to_stop": "does not stop",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "start": "run it by hand: the weekly test",
        "stop": "end the test",
        "reset": "clear its lock-out",
        "refuel": "fill the tank; level % (95)",
    }

    def __init__(
        self, name: str, random: Random, *, mains: Supply, load: Callable[[], float], amf: bool = True
    ) -> None:
        super().__init__(name, random)
        self._mains = mains
        self._load = load
        self._amf = amf
        self.called = False
        self.state = "stopped"
        self.fuel, self.coolant, self.oil, self.speed = 82.0, 40.0, 0.0, 0.0
        self.starts, self.seconds, self.energy = 57, 123.0 * 3600.0, 4_567.0
        self._locked = self._tripped = self._testing = False
        self._tries = 0
        self._bad_for = self._since = 0.0
        self.measure(0.0)

    @property
    def live(self) -> bool:
        """Voltage and frequency good, breaker able to close."""
        return self.state == "running" and self._since >= RUN_UP and "breaker_open" not in self.faults

    @property
    def power(self) -> float:
        return min(self._load(), 1.3 * RATED) if self.live else 0.0

    def work(self, dt: float) -> None:
        self._since += dt
        self._bad_for = self._bad_for + dt if not self._mains.live else 0.0
        if "fuel_theft" in self.faults and self.state == "stopped":
            self.fuel -= self.detail("fuel_theft", "rate", 0.75) / 60.0 * dt
        self._judge()
        self._run(dt)
        self.fuel = max(self.fuel, 0.0)

    def begin(self, fault: str, details: Details) -> None:
        if fault == "fuel_low":
            self.fuel = number(details, "level", 12.0)
        elif fault in ("emergency_stop", "low_oil", "high_temp", "over_speed") and (
            self.state not in ("stopped", "stopping") or fault == "emergency_stop"
        ):
            self._trip()

    def end(self, fault: str) -> None:
        if fault == "fuel_low":
            self.fuel = 82.0
        if fault in ("fail_to_start", "emergency_stop", "low_oil", "high_temp", "over_speed"):
            self._locked = self._tripped = False
            self._tries = 0

    def perform(self, act: str, details: Details) -> None:
        if act == "refuel":
            self.fuel = number(details, "level", 95.0)
        elif act == "reset":
            self._locked = self._tripped = False
            self._tries = 0
        else:
            self._testing = act == "start"

    @property
    def mode(self) -> str:
        return "manual" if "not_in_auto" in self.faults else "test" if self._testing else "auto"

    def _judge(self) -> None:
        """What the controller decides now."""
        blocked = self._locked or self._tripped or "emergency_stop" in self.faults or self.fuel <= 0.0
        alone = self._amf and self._bad_for >= START_DELAY
        wanted = not blocked and (self._testing or ("not_in_auto" not in self.faults and (self.called or alone)))
        match self.state:
            case "stopped" if wanted:
                self._go("starting")
            case "starting" if not wanted:
                self._go("stopped")
            case "starting":
                self._crank()
            case "running" if blocked:
                self._trip()
            case "running" if not wanted:
                self._go("cooling")
            case "cooling" if wanted:
                self._go("running")
            case "cooling" if self._since >= COOL_DOWN and "fail_to_stop" not in self.faults:
                self._go("stopping")
            case "stopping" if self._since >= SPIN_DOWN:
                self._go("stopped")

    def _crank(self) -> None:
        fires = "fail_to_start" not in self.faults
        if fires and self._since >= PREHEAT + CRANK:
            self.starts += 1
            self._tries = 0
            self._go("running")
        elif not fires and self._since >= PREHEAT + CRANK_FAILS + REST:
            self._tries += 1
            self._since = 0.0
            if self._tries >= TRIES:
                self._locked = True
                self._go("stopped")

    def _trip(self) -> None:
        self._tripped = True
        self._go("stopping" if self.state != "stopped" else "stopped")

    def _go(self, state: str) -> None:
        self.state, self._since = state, 0.0

    def _run(self, dt: float) -> None:
        turning = self.state in ("running", "cooling")
        self.speed += (1500.0 - self.speed) * min(dt / 1.2, 1.0) if turning else -self.speed * min(dt / 3.0, 1.0)
        self.oil += ((400.0 if turning else 0.0) - self.oil) * min(dt / 1.5, 1.0)
        self.coolant += min(2.0 / 60.0 * dt, 84.0 - self.coolant) if turning else -(self.coolant - 40.0) * dt / 1800.0
        if turning:
            self.seconds += dt
            self.energy += self.power * dt / 3600.0
            self.fuel -= (8.0 + 0.21 * self.power) / TANK * 100.0 * dt / 3600.0

    @property
    def _battery(self) -> float:
        weak = "battery_weak" in self.faults
        if self.state == "starting" and self._since > PREHEAT:
            return WEAK_CRANKING if weak else CRANKING
        if weak:
            return 24.1
        return REST_VOLTAGE if "charger_failed" in self.faults or not self._mains.live else FLOAT

    def measure(self, dt: float) -> None:
        noise = self.random.gauss
        volts = NOMINAL * min(self.speed / 1500.0, 1.0) if self.state in ("running", "cooling") else 0.0
        power = self.power
        overload = "overload" in self.faults and self.live
        frequency = 50.0 * self.speed / 1500.0 if self.speed > 600.0 else 0.0
        running = self.state in ("running", "cooling")
        phases = [max(0.0, volts + noise(0.0, 0.8)) if volts else 0.0 for _ in range(3)]
        current = power * 1000.0 / 0.9 / (3.0 * NOMINAL)
        self.points.update(
            mode=self.mode,
            state=self.state,
            mains_ok=self._mains.live,
            fuel_level=min(max(self.fuel + noise(0.0, 0.8 if running else 0.15), 0.0), 130.0),
            battery_voltage=max(0.0, self._battery + noise(0.0, 0.04)),
            charger_voltage=28.0 if running else 0.0,
            speed=1900.0 if "over_speed" in self.faults and running else self.speed,
            frequency=frequency,
            power=power,
            load=118.0 if overload else power / RATED * 100.0,
            oil_pressure=10.0 if "low_oil" in self.faults else self.oil,
            coolant_temperature=104.0 if "high_temp" in self.faults else self.coolant + noise(0.0, 0.3),
            run_hours=self.seconds / 3600.0,
            starts=self.starts,
            energy=self.energy,
            mains_frequency=0.0 if self._mains.dead else self._mains.frequency,
            mains_rotation="unknown" if self._mains.dead else "normal" if self._mains.live else "error",
            warning_alarm=self.fuel < 20.0,
            shutdown_alarm=self._locked or self._tripped,
            electrical_trip=False,
            control_failure=False,
            emergency_stop="emergency_stop" in self.faults,
            fail_to_start=self._locked,
            fail_to_stop="fail_to_stop" in self.faults and self.state == "cooling" and self._since > COOL_DOWN + 30.0,
            low_oil_pressure="low_oil" in self.faults and self._tripped,
            high_temperature="high_temp" in self.faults,
            over_speed="over_speed" in self.faults and self._tripped,
            under_speed=False,
            overload=overload,
            high_current=overload,
            charge_failure=False,
            battery_low=self._battery < 24.4 and self.state == "stopped",
            fuel_low=self.fuel < 25.0,
            maintenance_due="maintenance_due" in self.faults,
            generator_failed_to_close="breaker_open" in self.faults
            and self.state == "running"
            and self._since > RUN_UP + 5.0,
        )
        for phase, (volt, mains) in enumerate(zip(phases, self._mains.voltages, strict=True), 1):
            self.points[f"voltage_l{phase}"] = volt
            self.points[f"current_l{phase}"] = current
            self.points[f"mains_voltage_l{phase}"] = mains
