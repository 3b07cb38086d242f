"""A door: locked, unlocked by a card or a button, opened, closed; forced, held, its line watched."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number, word
from simulators.plant import Plant

RELEASE = 5.0
"""Unlocked after a grant, in s (ONVIF ReleaseTime)."""


class Door(Plant):
    kind = "door"
    chatter: ClassVar[tuple[str, str] | None] = ("door.opened", "door.closed")
    faults_offered: ClassVar[Mapping[str, str]] = {
        "forced_door": "opened while locked",
        "held_door": "held open past its open time; after s (0) it alarms",
        "tamper": "reader torn off",
        "cut_line": "contact line cut",
        "short_line": "contact line shorted",
        "reader_offline": "reader does not answer",
        "power_loss": "mains lost, battery carries",
        "lock_jammed": "lock does not fall in",
        "pre_held": "open, and soon for too long",
        "fire_signal": "the fire panel's signal: the lock lets go within 2 s",
        "release_fails": "the lock stays shut whatever the fire signal says",
        "obstruction": "someone stands in the anti-pinch beam",
        "guard_failure": "the anti-pinch beam is dead",
        "rex_stuck": "the exit button is stuck on",
        "secure_channel": "the reader's secure channel fails",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "access": "a card opens it; credential",
        "deny": "a card is refused; reason (expired), credential, holder (resident|tenant|visitor)",
        "late_grant": "forced, says the controller, right behind a grant that opened it",
        "duress": "a card under duress",
        "rex": "the exit button is pressed",
        "free": "fire release: unlocked until `normal`",
        "normal": "back to normal mode",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"forced": "forced_door", "held": "held_door", "cut": "cut_line"}

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name, random, pace=pace)
        self.points.update(
            contact="closed",
            lock="locked",
            mode="normal",
            alarm="none",
            tamper=False,
            rex=False,
            reader_online=True,
            supply="ok",
            wire="ok",
            duress=False,
            last_access="",
            granted=False,
            fire=False,
            obstructed=False,
            guard="ok",
            controller="ok",
        )
        self._plan_visit()

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "forced_door":
                self.forget()
                self.points.update(contact="open", lock="locked", alarm="forced")
                self.happen("door.forced")
            case "held_door":
                self.forget()
                self._grant(self._credential({}))
                self._open()
                self.later(number(details, "after", 0.0), self._held)
            case "tamper":
                self.points["tamper"] = True
                self.happen("reader.tamper", active=True)
            case "cut_line":
                self.points.update(wire="open_circuit", contact="fault")
                self.happen("input.open_circuit", input="contact")
            case "short_line":
                self.points.update(wire="short_circuit", contact="fault")
                self.happen("input.short_circuit", input="contact")
            case "reader_offline":
                self.points["reader_online"] = False
            case "power_loss":
                self.points["supply"] = "battery"
            case "lock_jammed":
                self.forget()
                self.points.update(lock="fault", contact="closed")
            case "pre_held":
                self.forget()
                self.points.update(contact="open", lock="unlocked", alarm="pre_held")
                self.happen("door.pre_held")
            case "fire_signal":
                self.forget()
                self.points["fire"] = True
                self.happen("fire.on")
                self.later(0.5, self._release)
            case "obstruction":
                self.points["obstructed"] = True
                self.happen("guard.obstructed")
            case "guard_failure":
                self.points["guard"] = "fault"
                self.happen("guard.fault")
            case "rex_stuck":
                self.points["rex"] = True
            case "secure_channel":
                self.points["controller"] = "fault"

    def end(self, fault: str) -> None:
        match fault:
            case "forced_door" | "held_door" | "pre_held":
                self.forget()
                if self.points["alarm"] == "held":
                    self.happen("door.held_clear")
                self.points.update(contact="closed", lock="locked", alarm="none")
                self.happen("door.closed")
                self._plan_visit()
            case "tamper":
                self.points["tamper"] = False
                self.happen("reader.tamper_restore")
            case "cut_line" | "short_line":
                self.points.update(wire="ok", contact="closed")
                self.happen("input.restore", input="contact")
            case "reader_offline":
                self.points["reader_online"] = True
            case "power_loss":
                self.points["supply"] = "ok"
            case "lock_jammed":
                self.points["lock"] = "locked"
                self._plan_visit()
            case "fire_signal":
                self.points.update(fire=False, mode="normal", lock="locked")
                self.happen("fire.off")
                self.happen("door.mode_changed", mode="normal")
                self._plan_visit()
            case "release_fails":
                if self.points["fire"]:
                    self._release()
            case "obstruction":
                self.points["obstructed"] = False
                self.happen("guard.clear")
            case "guard_failure":
                self.points["guard"] = "ok"
                self.happen("guard.restore")
            case "rex_stuck":
                self.points["rex"] = False
            case "secure_channel":
                self.points["controller"] = "ok"

    def perform(self, act: str, details: Details) -> None:
        match act:
            case "access":
                self.forget()
                self._visit(self._credential(details))
            case "deny":
                holder = word(details, "holder", "resident")
                self._deny(self._credential(details) | {"holder": holder}, word(details, "reason", "expired"))
            case "late_grant":
                self.forget()
                self._grant(self._credential(details))
                self.points.update(contact="open", alarm="forced")
                self.happen("door.forced")
                self.later(1.0, self._close)
            case "duress":
                self.happen("access.duress", reader="r1", credential=self._credential(details))
            case "rex":
                self.happen("rex.pressed")
                self.forget()
                self._unlock_and_pass()
            case "free":
                self.points.update(mode="free", lock="unlocked")
                self.happen("door.mode_changed", mode="free")
            case "normal":
                self.points.update(mode="normal", lock="locked")
                self.happen("door.mode_changed", mode="normal")

    def _credential(self, details: Details) -> dict[str, str]:
        return {"kind": "card", "ref": word(details, "credential", f"c:{self.random.randrange(16**4):04x}")}

    def _plan_visit(self) -> None:
        if self.pace > 0:
            self.later(self.pause(), self._somebody_comes)

    def _somebody_comes(self) -> None:
        if self.faults or self.points["mode"] != "normal":
            self._plan_visit()
        elif self.random.random() < 0.02:
            self._deny(self._credential({}), self.random.choice(("expired", "no_permission", "time_schedule")))
            self._plan_visit()
        else:
            self._visit(self._credential({}))

    def _visit(self, credential: dict[str, str]) -> None:
        self._grant(credential)
        self._unlock_and_pass()

    def _grant(self, credential: dict[str, str]) -> None:
        self.points.update(lock="unlocked", last_access=credential["ref"])
        self.happen("access.granted", reader="r1", credential=credential)

    def _deny(self, credential: dict[str, str], reason: str) -> None:
        self.happen("access.denied", reader="r1", reason=reason, credential=credential)

    def _unlock_and_pass(self) -> None:
        self.points["lock"] = "unlocked"
        if self.random.random() < 0.08:
            self.later(RELEASE, self._not_taken)
        else:
            self.later(self.random.uniform(0.8, 2.0), self._open)
            self.later(2.0 + self.random.uniform(6.0, 14.0), self._close)

    def _release(self) -> None:
        if "release_fails" in self.faults:
            self.points.update(lock="locked", contact="closed")
            return
        self.points.update(mode="free", lock="unlocked")
        self.happen("door.mode_changed", mode="free")

    def _open(self) -> None:
        self.points["contact"] = "open"
        self.happen("access.taken", reader="r1")
        self.happen("door.opened")

    def _close(self) -> None:
        self.points.update(contact="closed", lock="locked", alarm="none")
        self.happen("door.closed")
        self._plan_visit()

    def _not_taken(self) -> None:
        self.points["lock"] = "locked"
        self.happen("access.not_taken", reader="r1")
        self._plan_visit()

    def _held(self) -> None:
        self.points["alarm"] = "held"
        self.happen("door.held")
