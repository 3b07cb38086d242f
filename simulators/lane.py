"""A parking lane: plate recognition, and a barrier that opens, lets one vehicle pass and closes."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details, number, word
from simulators.plant import Plant

TRAVEL = 3.0
"""Opening or closing time of a 3 m boom, s."""


FEES: Mapping[str, str] = {"pay": "fee.paid", "pass_free": "fee.free", "leave_unpaid": "fee.unpaid"}
"""What the booth records, and the events of it."""


class Lane(Plant):
    kind = "lane"
    chatter: ClassVar[tuple[str, str] | None] = ("barrier.opened", "barrier.closed")
    faults_offered: ClassVar[Mapping[str, str]] = {
        "barrier_stuck": "the boom stands half-way",
        "barrier_struck": "a vehicle knocked the boom off",
        "obstruction": "something under the boom: it reverses",
        "forced": "the boom was lifted by hand",
        "power_loss": "mains lost, battery carries",
        "motor_fault": "drive fault",
        "held_open": "a guard holds it open",
        "loop_stuck": "the loop is on without a car",
        "guard_failure": "the anti-crush beam is dead",
        "server_lost": "the parking server is gone; the lane works on alone",
        "reader_dirty": "no plate is read; the guard lets cars through",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {
        "plate": "a vehicle comes; plate, confidence, card_kind, direction",
        "tailgate": "a second vehicle follows through",
        "wrong_way": "a vehicle comes from the wrong side",
        "pay": "a fee is paid; plate, amount, by (wechat)",
        "pass_free": "a free passage; plate, by",
        "leave_unpaid": "leaves without paying; plate",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"stuck": "barrier_stuck", "struck": "barrier_struck"}

    def __init__(self, name: str, random: Random, *, pace: float = 0.0) -> None:
        super().__init__(name, random, pace=pace)
        self.points.update(
            position="closed",
            obstructed=False,
            reversed=False,
            stuck=False,
            forced=False,
            detached=False,
            supply="ok",
            mode="auto",
            fault=False,
            plate=self._plate(),
            confidence=0.95,
            card_kind="monthly",
            direction="in",
            wrong_way=False,
            tailgate=False,
            loop_stuck=False,
            guard="ok",
            unpaid=False,
            server="connected",
        )
        self._plan()

    def begin(self, fault: str, details: Details) -> None:
        match fault:
            case "barrier_stuck":
                self.forget()
                self.points.update(position="stopped", stuck=True)
                self.happen("barrier.stuck")
            case "barrier_struck":
                self.forget()
                self.points.update(position="detached", detached=True)
                self.happen("barrier.detached")
            case "obstruction":
                self.forget()
                self.points.update(position="opening", obstructed=True)
                self.happen("barrier.obstructed")
                self.happen("barrier.reversed", cause="anti_crush")
                self.later(TRAVEL, lambda: self.points.update(position="open"))
            case "forced":
                self.forget()
                self.points.update(position="open", forced=True)
                self.happen("barrier.forced")
            case "power_loss":
                self.points["supply"] = "battery"
            case "motor_fault":
                self.points["fault"] = True
            case "loop_stuck":
                self.points["loop_stuck"] = True
                self.happen("loop.stuck")
            case "guard_failure":
                self.points["guard"] = "fault"
                self.happen("guard.fault")
            case "server_lost":
                self.points["server"] = "offline"
                self.happen("server.lost")
            case "held_open":
                self.forget()
                self.points.update(position="open", mode="held_open")
                self.happen("barrier.opened")
            case "reader_dirty":
                pass

    def end(self, fault: str) -> None:
        match fault:
            case "reader_dirty":
                return
            case "power_loss":
                self.points["supply"] = "ok"
                return
            case "motor_fault":
                self.points["fault"] = False
                return
            case "loop_stuck":
                self.points["loop_stuck"] = False
                self.happen("loop.clear")
                return
            case "guard_failure":
                self.points["guard"] = "ok"
                self.happen("guard.restore")
                return
            case "server_lost":
                self.points["server"] = "connected"
                self.happen("server.back")
                return
            case "barrier_stuck":
                self.points["stuck"] = False
                self.happen("barrier.stuck_clear")
            case "barrier_struck":
                self.happen("barrier.attached")
            case "obstruction":
                self.happen("barrier.obstructed_clear")
            case "forced":
                self.happen("barrier.forced_clear")
        self.forget()
        self.points.update(obstructed=False, forced=False, detached=False, mode="auto", position="closed")
        self.happen("barrier.closed")
        self._plan()

    def perform(self, act: str, details: Details) -> None:
        if act == "tailgate":
            self.happen("vehicle.tailgate")
            return
        if act == "wrong_way":
            self.happen("vehicle.wrong_way")
            return
        if act in FEES:
            fact = {"plate": word(details, "plate", self._plate()), "by": word(details, "by", "wechat")}
            if act == "pay":
                fact["amount_cny"] = f"{number(details, 'amount', 10.0):.2f}"
            self.happen(FEES[act], **fact)
            return
        plate = word(details, "plate", self._plate())
        confidence = number(details, "confidence", 0.95)
        self.forget()
        self._arrive(plate, confidence, word(details, "card_kind", self._card_kind()), word(details, "direction", "in"))

    def _plan(self) -> None:
        if self.pace > 0:
            self.later(self.pause(), self._vehicle)

    def _vehicle(self) -> None:
        if self.faults.keys() - {"reader_dirty"}:
            self._plan()
            return
        confidence = min(max(self.random.betavariate(30, 2), 0.82), 0.995)
        self._arrive(self._plate(), confidence, self._card_kind(), "in")

    def _plate(self) -> str:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        tail = "".join(self.random.choice(letters + "0123456789") for _ in range(5))
        return f"粤{self.random.choice('ABCDEF')}{tail}"

    def _card_kind(self) -> str:
        return self.random.choices(("monthly", "temporary", "visitor"), (0.7, 0.25, 0.05))[0]

    def _arrive(self, plate: str, confidence: float, card_kind: str, direction: str) -> None:
        if "reader_dirty" not in self.faults:
            self._read(plate, round(confidence, 3), card_kind, direction)
        if {"barrier_stuck", "barrier_struck", "motor_fault"} & self.faults.keys():
            return
        self.points["position"] = "opening"
        self.later(TRAVEL, self._opened)

    def _read(self, plate: str, confidence: float, card_kind: str, direction: str) -> None:
        self.points.update(plate=plate, confidence=confidence, card_kind=card_kind, direction=direction)
        self.happen(
            "plate.read",
            plate=plate,
            confidence=confidence,
            card_kind=card_kind,
            lane=1,
            direction=direction,
            match="allow",
            image_ref=f"lpr/{self.name}/{int(self.now * 1000)}.jpg",
        )

    def _opened(self) -> None:
        self.points["position"] = "open"
        self.happen("barrier.opened")
        self.later(self.random.uniform(2.0, 5.0), self._passed)

    def _passed(self) -> None:
        self.happen("vehicle.passed")
        self.later(5.0, lambda: self.points.update(position="closing"))
        self.later(5.0 + TRAVEL, self._closed)

    def _closed(self) -> None:
        self.points["position"] = "closed"
        self.happen("barrier.closed")
        self._plan()
