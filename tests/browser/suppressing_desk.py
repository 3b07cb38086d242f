"""A desk whose alarms can be shelved, suppressed and out of service, chatter, and come in floods."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.inbox import Operation, OperationKind
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.refusal import AlarmRefused, Refusal
from rules.suppression import Removal, Shelf, Suppression
from tests.daemon.web.desk import Desk, Facts


class SuppressingDesk(Desk):
    """`never` are alarms that cannot be suppressed; `said` is what the document says beside the transition."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.never: set[str] = set()
        self.said: dict[str, dict[str, Any]] = {}

    def suppress(self, alarm: str, parent: str) -> None:
        """By design, behind `parent`."""
        self._lay(alarm, self._over(alarm).with_design(self.clock.now().utc, False, (AlarmId(parent),)))
        self.change([alarm], Trigger.SUPPRESS)

    def end_shelf(self, alarm: str) -> None:
        """Its time is over."""
        self._lay(alarm, self._over(alarm).with_shelf(None))
        self.change([alarm], Trigger.SHELF_ENDED)

    def say(self, alarm: str, **facts: Any) -> None:
        """A new document of an alarm that did not move."""
        self.said.setdefault(alarm, {}).update(facts)
        row = json.loads(self.rows[AlarmId(alarm)]) | self.said[alarm]
        self.rows[AlarmId(alarm)] = json.dumps(row, ensure_ascii=False).encode()
        self.stream.publish("alarms", [self.rows[AlarmId(alarm)]])

    async def operate(self, operation: Operation) -> Transition:
        alarm, over = operation.alarm, self._over(operation.alarm)
        now = self.clock.now().utc
        match operation.kind:
            case OperationKind.SHELVE:
                if alarm in self.never:
                    raise AlarmRefused(alarm, Refusal.NEVER_SUPPRESSED)
                assert operation.until is not None
                over = over.with_shelf(Shelf(operation.by, now, operation.until, operation.note))
            case OperationKind.UNSHELVE:
                over = over.with_shelf(None)
            case OperationKind.REMOVE_FROM_SERVICE:
                removal = Removal(operation.by, now, operation.note, operation.order, operation.until)
                over = over.with_removal(removal)
            case OperationKind.RETURN_TO_SERVICE:
                over = over.with_removal(None)
            case _:
                pass
        self._lay(alarm, over)
        return await super().operate(operation)

    def change(self, alarms: Sequence[str], trigger: Trigger, by: str = "process") -> list[Transition]:
        moved = super().change(alarms, trigger, by)
        for one in moved:
            if one.after is AlarmState.NORMAL and self._over(one.alarm).kinds:
                self.rows[one.alarm] = self._row(self.facts[one.alarm], one)
        return moved

    def _row(self, facts: Facts, one: Transition) -> bytes:
        over = self._over(one.alarm)
        laid = {
            "latched": False,
            "suppression": over.data() if over.kinds else None,
            "shelved_until": over.shelf.until.isoformat() if over.shelf else None,
            "chatter": None,
            "group": None,
            "first_out": False,
        }
        row = json.loads(super()._row(facts, one)) | laid | self.said.get(one.alarm, {})
        return json.dumps(row, ensure_ascii=False).encode()

    def _over(self, alarm: str) -> Suppression:
        return self.alarms[AlarmId(alarm)].suppression

    def _lay(self, alarm: str, over: Suppression) -> None:
        self.alarms[AlarmId(alarm)] = replace(self.alarms[AlarmId(alarm)], suppression=over)
