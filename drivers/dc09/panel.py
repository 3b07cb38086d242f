"""One account of the receiver: from its Contact ID to events and samples, each told once."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_network
from secrets import token_hex
from typing import Any

from drivers.dc09.connection import Address
from drivers.dc09.contact_id import ContactId, Qualifier
from drivers.dc09.frame import Frame, time_of
from drivers.mqtt.device import Refused
from drivers.mqtt.flood import Bucket
from drivers.mqtt.mapping import DeviceMap, Reading
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Standing
from drivers.profile import Dc09Section, Profile
from estate.errors import DecodeError
from estate.model import Cause, DeviceId, Event, Now
from estate.site import Device

REMEMBERED = 64
"""Messages of an account that are known again when they are repeated: a panel repeats only its last one."""

AHEAD = timedelta(seconds=20)
BEHIND = timedelta(days=7)
"""How far from now the time of an occurrence (extended data H) may be: a panel keeps what it could not tell."""

CONTENTS = 1 << 22
"""Numbers for what is said in one second under one message number. With them an event's number stays below 2^53."""

Key = tuple[str, str, tuple[tuple[str, str], ...], datetime | None]


class Panel:
    """It says no state, only events: a point is unknown until something was said of it."""

    def __init__(self, device: Device, profile: Profile, section: Dc09Section) -> None:
        self.id = DeviceId(device.id)
        self.supervision = section.supervision
        self.refused: deque[Refused] = deque(maxlen=8)
        self.standing = Standing(device.id, profile.fields, section.supervision)
        self._section = section
        self._home = ip_network(device.address, strict=False) if device.address is not None else None
        self._events = DeviceMap(device.id, profile).events
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self._newest: Key | None = None
        self._numbered: OrderedDict[tuple[str, int], Key] = OrderedDict()
        self._bucket = Bucket()
        self._session = f"dc09-{token_hex(4)}"
        self._count = 0

    def may_speak_from(self, address: Address | None) -> bool:
        """From anywhere, unless the site says where the panel is."""
        return self._home is None or (address is not None and address in self._home)

    def heard(self, frame: Frame, now: Now, out: Outcome) -> None:
        """Any good frame is a sign of life."""
        self._newest = None
        if not self.standing.knows("identity"):
            self.standing.tell("identity", "unproven", now, out)
        _, clock = _occurred(frame, now)
        said = f"says that it happened at {frame.extended.get('H')}" if clock == "drift" else ""
        self.standing.tell("clock", "ok" if clock == "sync" else clock, now, out, said)
        self.standing.heard(now, out)
        if not self._bucket.take(now.mono):
            self.standing.complain("flood", "more messages than any panel can have", now, out)

    def is_repeated(self, frame: Frame) -> bool:
        """The same number with the same content and time: its acknowledgement was lost."""
        key = _key(frame)
        if key in self._seen:
            return True
        self._seen[key] = None
        self._newest = key
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def take_back(self) -> None:
        """What the last frame said was not delivered: repeated, it is to be taken as if for the first time."""
        if self._newest is not None:
            self._seen.pop(self._newest, None)
            self._newest = None

    def happened(self, said: ContactId, frame: Frame, now: Now, out: Outcome) -> None:
        """What a message changes. A code that the profile does not know goes to the journal as `unknown`."""
        codes = self._section.codes.get(said.code)
        kind = None if codes is None else codes.restore if said.qualifier is Qualifier.RESTORE else codes.new
        data: dict[str, Any] = {
            "code": said.code,
            "qualifier": said.qualifier,
            "partition": said.group,
            "zone": said.zone,
            "user": said.zone,
        }
        if codes is not None and codes.armed and said.qualifier is Qualifier.RESTORE:
            data["armed"] = codes.armed
        boot, seq = self._identity(frame)
        at, clock = _occurred(frame, now)
        meaning = self._events.get(kind) if kind is not None else None
        if meaning is None:
            self.standing.complain("unknown", f"Contact ID {said.qualifier}{said.code}", now, out)
        type_ = kind if kind is not None and meaning is not None else "unknown"
        out.events.append(Event(self.id, boot, seq, type_, at, now.utc, False, data, clock, frame.header.seq))
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

        Only a timestamp makes that possible: the number alone comes again after 9999 messages. The content is part
        of it, because a panel in a hurry, or one that counts wrongly, may say two things under one number in one
        second. Should two contents have one number (once in four millions), the later one takes the next.
        """
        self._count += 1
        if frame.time is None:
            return self._session, self._count
        key = _key(frame)
        second = frame.time.hour * 3600 + frame.time.minute * 60 + frame.time.second
        boot = f"dc09-{frame.time:%Y%m%d}"
        seq = (second * 10_000 + int(frame.header.seq) + 1) * CONTENTS + _digest(key)
        while self._numbered.get((boot, seq), key) != key:
            seq += 1
        self._numbered[boot, seq] = key
        if len(self._numbered) > REMEMBERED:
            self._numbered.popitem(last=False)
        return boot, seq


def _key(frame: Frame) -> Key:
    return frame.header.seq, frame.data, tuple(sorted(frame.extended.items())), frame.time


def _digest(key: Key) -> int:
    said = "\n".join((key[1], *(letter + text for letter, text in key[2])))
    return int.from_bytes(blake2b(said.encode(), digest_size=4).digest(), "big") % CONTENTS


def _occurred(frame: Frame, now: Now) -> tuple[datetime | None, str]:
    """The panel's time of occurrence (extended data H) if it says one that can be, else that of the message.

    With it how far that can be trusted: `sync`, `drift` (it says one that cannot be), `unset` (it says none).
    """
    word = "sync" if frame.time is not None else "unset"
    if "H" not in frame.extended:
        return frame.time, word
    try:
        at = time_of(frame.extended["H"])
    except DecodeError:
        return frame.time, "drift"
    return (at, "sync") if now.utc - BEHIND <= at <= now.utc + AHEAD else (frame.time, "drift")
