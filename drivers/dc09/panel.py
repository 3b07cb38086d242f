"""One account of the receiver: from its Contact ID to events and samples, each told once."""

from collections import OrderedDict
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from drivers.dc09.contact_id import RESTORE, ContactId
from drivers.dc09.frame import Frame, time_of
from drivers.mqtt.mapping import DeviceMap, Reading
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Standing
from drivers.profile import Dc09Section, Profile
from estate.errors import DecodeError
from estate.model import Cause, DeviceId, Event, Now

REMEMBERED = 64
"""Messages of an account that are known again when they are repeated: a panel repeats only its last one."""


class Panel:
    """It says no state, only events: a point is unknown until something was said of it."""

    def __init__(self, device: str, profile: Profile, section: Dc09Section) -> None:
        self.id = DeviceId(device)
        self.standing = Standing(device, profile.fields, section.supervision)
        self._section = section
        self._events = DeviceMap(device, profile).events
        self._seen: OrderedDict[tuple[str, str, datetime | None], None] = OrderedDict()
        self._session = f"dc09-{token_hex(4)}"
        self._count = 0

    def heard(self, frame: Frame, now: Now, out: Outcome) -> None:
        """Any good frame is a sign of life."""
        if not self.standing.knows("identity"):
            self.standing.tell("identity", "unproven", now, out)
        self.standing.tell("clock", "unset" if frame.time is None else "ok", now, out)
        self.standing.heard(now, out)

    def is_repeated(self, frame: Frame) -> bool:
        """The same number with the same content and time: its acknowledgement was lost."""
        key = frame.header.seq, frame.data, frame.time
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def happened(self, said: ContactId, frame: Frame, now: Now, out: Outcome) -> None:
        """What a message changes. A code that the profile does not know goes to the journal as `unknown`."""
        codes = self._section.codes.get(said.code)
        kind = None if codes is None else codes.restore if said.qualifier == RESTORE else codes.new
        data: dict[str, Any] = {
            "code": said.code,
            "qualifier": said.qualifier,
            "partition": said.group,
            "zone": said.zone,
            "user": said.zone,
        }
        if codes is not None and codes.armed and said.qualifier == RESTORE:
            data["armed"] = codes.armed
        boot, seq = self._identity(frame)
        at = _occurred(frame)
        meaning = self._events.get(kind) if kind is not None else None
        if meaning is None:
            self.standing.complain("unknown", f"Contact ID {said.qualifier}{said.code}", now, out)
        type_ = kind if kind is not None and meaning is not None else "unknown"
        out.events.append(Event(self.id, boot, seq, type_, at, now.utc, False, data, ref=frame.header.seq))
        if meaning is None:
            return
        cause = Cause(self.id, boot, seq)
        for name, point, reading, pulse in meaning.all_changes(data):
            self.standing.put(name, point, reading, at or now.utc, now, self._count, cause, out)
            if pulse:
                later = (at or now.utc) + timedelta(milliseconds=1)
                self.standing.put(name, point, Reading(False), later, now, self._count, cause, out)

    def _identity(self, frame: Frame) -> tuple[str, int]:
        """The same for a message that is repeated after a restart, so that the journal holds it once.

        Only a timestamp makes that possible: the number alone comes again after 9999 messages.
        """
        self._count += 1
        if frame.time is None:
            return self._session, self._count
        second = frame.time.hour * 3600 + frame.time.minute * 60 + frame.time.second
        return f"dc09-{frame.time:%Y%m%d}", second * 10_000 + int(frame.header.seq) + 1


def _occurred(frame: Frame) -> datetime | None:
    """The panel's time of occurrence (extended data H) if it says one, else that of the message."""
    if "H" not in frame.extended:
        return frame.time
    try:
        return time_of(frame.extended["H"])
    except DecodeError:
        return frame.time
