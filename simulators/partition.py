"""A partition of the perimeter panel: armed and disarmed at the keypad or by command."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, word
from simulators.plant import Plant

ARMED = ("disarmed", "armed_home", "armed_away", "armed_night")


class Partition(Plant):
    """A perimeter is armed round the clock."""

    kind = "partition"
    faults_offered: ClassVar[Mapping[str, str]] = {"not_ready": "a zone is open: it cannot be armed"}
    acts_offered: ClassVar[Mapping[str, str]] = {
        "arm": "arm; mode (armed_away), by",
        "disarm": "disarm; by",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.points.update(armed="armed_away", armed_by="keypad", ready=True, arm_failed=False)

    def begin(self, fault: str, details: Details) -> None:
        self.points["ready"] = False
        self.happen("partition.not_ready")

    def end(self, fault: str) -> None:
        self.points["ready"] = True
        self.happen("partition.ready")

    def perform(self, act: str, details: Details) -> None:
        wanted = word(details, "mode", "armed_away") if act == "arm" else "disarmed"
        self._become(wanted, word(details, "by", "keypad"))

    def write(self, point: str, value: Value) -> None:
        if point != "armed" or not isinstance(value, str):
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self._become(value, self.told.get("by", "-"))

    def _become(self, wanted: str, by: str) -> None:
        if wanted not in ARMED:
            raise CommandRefused(f"mode is one of {', '.join(ARMED)}")
        if wanted == "disarmed":
            self.points.update(armed=wanted, armed_by=by)
            self.happen("partition.disarmed", by=by)
        elif self.points["ready"]:
            self.points.update(armed=wanted, armed_by=by, arm_failed=False)
            self.happen("partition.armed", armed=wanted, by=by)
        else:
            self.points.update(arm_failed=True, armed_by=by)
            self.happen("partition.arm_failed", by=by)
