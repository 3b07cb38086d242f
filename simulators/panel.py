"""A household alarm panel: its detectors and buttons, arming by the residents, its line and its supply."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from simulators.faults import Details, word
from simulators.plant import Plant

ALARMS = ("burglary", "panic", "fire", "gas", "water", "duress", "silent_panic", "medical")
SILENT: Mapping[str, tuple[str, str, str]] = {
    "sensor_lost": ("sensor_lost", "sensor.lost", "sensor.found"),
    "sensor_battery": ("sensor_battery", "sensor.low_battery", "sensor.battery_restore"),
    "trouble": ("trouble", "panel.trouble", "panel.trouble_restore"),
    "bypass": ("bypassed", "zone.bypass", "zone.unbypass"),
}
"""Faults that only change a flag: its point, and the events of its coming and going."""
TEST_EVERY = 86400.0
"""s between two periodic test reports (Contact ID 602)."""
ARMED = ("disarmed", "armed_home", "armed_away")


class Panel(Plant):
    """`duress` is reported by a code entered under threat: the panel itself shows nothing of it."""

    kind = "panel"
    chatter: ClassVar[tuple[str, str] | None] = ("alarm.burglary", "restore.burglary")
    faults_offered: ClassVar[Mapping[str, str]] = {
        **{name: f"{name} alarm" for name in ALARMS},
        "tamper": "case opened",
        "cut_line": "line cut",
        "short_line": "line shorted",
        "power_loss": "mains lost, battery carries",
        "battery_low": "battery low",
        "sensor_lost": "a sensor does not report; zone",
        "sensor_battery": "a sensor's battery is low; zone",
        "trouble": "the panel's own check fails",
        "bypass": "a zone is bypassed; zone",
        "no_test": "the periodic test report stays away",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "arm": "arm; mode (armed_away), user",
        "disarm": "disarm; user",
        "cancel": "the resident cancels an alarm; user",
        "test": "a test report",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"cut": "cut_line", "short": "short_line"}

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name, random, pace=pace)
        self.points.update(dict.fromkeys(ALARMS, False))
        self.points.update(tamper=False, armed="disarmed", line="ok", supply="ok", battery=100)
        self.points.update(user="", zone="", tested=False, cancelled=False)
        self.points.update({point: False for point, _, _ in SILENT.values()})
        self.later(random.uniform(0.0, TEST_EVERY), self._test)
        self._plan()

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "tamper":
                self.points["tamper"] = True
                self.happen("panel.tamper")
            case "cut_line":
                self.points["line"] = "open"
                self.happen("line.cut")
            case "short_line":
                self.points["line"] = "short"
                self.happen("line.short")
            case "power_loss":
                self.points["supply"] = "mains_lost"
                self.happen("supply.lost")
            case "battery_low":
                self.points.update(supply="battery_low", battery=12)
                self.happen("supply.low_battery")
            case "no_test":
                pass
            case flag if flag in SILENT:
                point, event, _ = SILENT[flag]
                self.points.update({point: True, "zone": word(details, "zone", "d1")})
                self.happen(event, zone=self.points["zone"])
            case alarm:
                self.points[alarm] = True
                self.happen(f"alarm.{alarm}", detector=word(details, "detector", "d1"))

    def end(self, fault: str) -> None:
        match fault:
            case "tamper":
                self.points["tamper"] = False
                self.happen("panel.tamper_restore")
            case "cut_line" | "short_line":
                self.points["line"] = "ok"
                self.happen("line.restore")
            case "power_loss" | "battery_low":
                self.points.update(supply="ok", battery=100)
                self.happen("supply.restore")
            case "no_test":
                pass
            case flag if flag in SILENT:
                point, _, event = SILENT[flag]
                self.points[point] = False
                self.happen(event)
            case alarm:
                self.points[alarm] = False
                self.happen(f"restore.{alarm}")

    def perform(self, act: str, details: Details) -> None:
        user = word(details, "user", "resident-1")
        if act == "arm":
            mode = word(details, "mode", "armed_away")
            if mode not in ARMED[1:]:
                raise CommandRefused(f"mode is one of {', '.join(ARMED[1:])}")
            self._arm(mode, user)
        elif act == "disarm":
            self._disarm(user)
        elif act == "cancel":
            self.happen("panel.cancelled", user=user)
        else:
            self.happen("panel.test")

    def _test(self) -> None:
        if "no_test" not in self.faults:
            self.happen("panel.test")
        self.later(TEST_EVERY, self._test)

    def _plan(self) -> None:
        if self.pace > 0:
            self.later(self.pause(), self._somebody_leaves_or_comes)

    def _somebody_leaves_or_comes(self) -> None:
        if not self.faults:
            if self.points["armed"] == "disarmed":
                self._arm(self.random.choice(ARMED[1:]), "resident-1")
            else:
                self._disarm("resident-1")
        self._plan()

    def _arm(self, mode: str, user: str) -> None:
        self.points.update(armed=mode, user=user)
        self.happen("panel.armed", armed=mode, user=user)

    def _disarm(self, user: str) -> None:
        self.points.update(armed="disarmed", user=user)
        self.happen("panel.disarmed", user=user)
