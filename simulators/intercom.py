"""An intercom station: it rings, is answered or not, and stands on a riser that can fail."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from estate.model import Value
from simulators.faults import Details, word
from simulators.plant import Plant

RING = 30.0
"""s after which an unanswered call ends."""


class Intercom(Plant):
    kind = "intercom"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "tamper": "case opened",
        "riser_short": "the bus is shorted; branch; it isolates itself after 1 s",
        "riser_cut": "the bus is cut; branch",
        "data_fault": "the data line is bad; branch",
        "not_registered": "it does not register",
        "power_loss": "no supply",
        "on_battery": "mains lost, battery carries",
        "sos": "the emergency button is pressed",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "call": "it calls a flat; to (0502), from (gate)",
        "call_centre": "a resident lifts the handset and has the control room; from (the room)",
        "answer": "the call is answered",
        "hang_up": "the call ends",
        "release": "the door is opened from here; by",
        "bar": "the extension is barred: calls go to the control room",
        "unbar": "the extension rings again",
    }

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name, random, pace=pace)
        self.points.update(
            registered=True,
            line="idle",
            calling="",
            called="",
            to_centre=False,
            barred=False,
            case="ok",
            bus="ok",
            branch="",
            isolated=False,
            supply="ok",
            sos=False,
        )
        self._plan()

    def begin(self, fault: str, details: Details) -> None:
        branch = word(details, "branch", "1")
        match fault:
            case "tamper":
                self.points["case"] = "tamper"
                self.happen("panel.tamper")
            case "riser_short":
                self._riser("short", branch)
                self.later(1.0, self._isolate)
            case "riser_cut":
                self._riser("open", branch)
            case "data_fault":
                self._riser("data", branch)
            case "not_registered":
                self.points["registered"] = False
                self.happen("sip.unregistered")
            case "power_loss":
                self.points.update(supply="fault", registered=False)
                self.happen("supply.lost")
            case "on_battery":
                self.points["supply"] = "battery"
                self.happen("supply.battery")
            case "sos":
                self.points["sos"] = True
                self.happen("sos.pressed")

    def end(self, fault: str) -> None:
        match fault:
            case "tamper":
                self.points["case"] = "ok"
                self.happen("panel.tamper_restore")
            case "riser_short" | "riser_cut" | "data_fault":
                self.points.update(bus="ok", isolated=False, branch="")
                self.happen("riser.restore")
            case "not_registered":
                self.points["registered"] = True
                self.happen("sip.registered")
            case "power_loss" | "on_battery":
                self.points.update(supply="ok", registered=True)
                self.happen("supply.restore")
            case "sos":
                self.points["sos"] = False
                self.happen("sos.released")

    def perform(self, act: str, details: Details) -> None:
        match act:
            case "call":
                self._call(word(details, "from", self.name), word(details, "to", "0502"), centre=False)
            case "call_centre":
                self._call(word(details, "from", self.name), "centre", centre=True)
            case "answer":
                self.points["line"] = "talking"
                self.happen("call.answered")
            case "hang_up":
                self.forget()
                self._over("call.ended")
            case "release":
                self.happen("door.released", by=word(details, "by", "resident"))
            case "bar" | "unbar":
                self.write("barred", act == "bar")

    def write(self, point: str, value: Value) -> None:
        if point != "barred":
            raise CommandRefused(f"{self.name}.{point} cannot be written")
        self.points["barred"] = bool(value)
        self.happen("extension.barred" if value else "extension.unbarred")

    def _riser(self, kind: str, branch: str) -> None:
        self.points.update(bus=kind, branch=branch)
        self.happen("riser.fault", kind=kind, branch=branch)

    def _isolate(self) -> None:
        if "riser_short" in self.faults:
            self.points["isolated"] = True
            self.happen("riser.isolated", branch=self.points["branch"])

    def _call(self, caller: str, called: str, *, centre: bool) -> None:
        self.forget()
        diverted = self.points["barred"] is True and not centre
        self.points.update(line="ringing", calling=caller, called=called, to_centre=centre or diverted)
        if diverted:
            self.happen("call.diverted", **{"from": caller, "to": called})
        else:
            self.happen("call.started", **{"from": caller, "to": called, "centre": centre})
        self.later(RING, self._not_answered)

    def _not_answered(self) -> None:
        if self.points["line"] == "ringing":
            self._over("call.missed")

    def _over(self, event: str) -> None:
        self.points.update(line="idle", to_centre=False)
        self.happen(event)
        self._plan()

    def _plan(self) -> None:
        if self.pace > 0:
            self.later(self.pause(), self._visitor)

    def _visitor(self) -> None:
        if self.faults or self.points["line"] != "idle":
            self._plan()
            return
        self._call(self.name, f"{self.random.randrange(1, 31):02}0{self.random.randrange(1, 5)}", centre=False)
        if self.random.random() < 0.65:
            self.later(self.random.uniform(3.0, 15.0), lambda: self.perform("answer", {}))
            self.later(self.random.uniform(18.0, 29.0), lambda: self._over("call.ended"))
