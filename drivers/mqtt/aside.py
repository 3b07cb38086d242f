"""Messages that are not read because reading them crashed this program: kept, told, and acknowledged after that."""

import logging
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Protocol

from drivers.mqtt.device import EstateDevice, Refused
from drivers.mqtt.envelope import MAX_FOREIGN_BYTES, excerpt
from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.gateway import Gateway
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Standing
from drivers.mqtt.topics import parse_topic
from drivers.quarantine import MOST, REST, Key, Quarantine, key_of
from estate.errors import DecodeError
from estate.model import DeviceId, Event, Now
from estate.printable import printable

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """A device with what it said last and what of it was refused."""

    id: DeviceId
    standing: Standing
    refused: deque[Refused]


Party = Speaker | Gateway

SYSTEM = DeviceId("system")
SET_ASIDE = "message.set_aside"
"""The type of the event that keeps such a message in the journal: whose, on which topic, and its bytes in hex."""

LEFT_ALONE = "left alone"
REASON = f"this program crashed at it again and again and leaves it alone for {REST / 60:g} min"


class Aside:
    """Of one source, over its restarts. Of a message that comes again (a retained one) one copy is kept, and each told.

    `count` is how many were put aside, `crashes` how often the source crashed at somebody.
    """

    def __init__(self, source: str, began: datetime) -> None:
        self._source = source
        self._quarantine = Quarantine()
        self._boot = f"{source}-{began:%Y%m%dT%H%M%S}-{token_hex(3)}"
        self._seq = 0
        self._kept: OrderedDict[Key, None] = OrderedDict()
        self._on_the_way: list[Key] = []
        self.count = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing need be looked up, as nearly always."""
        return not self._quarantine.crashes

    @property
    def crashes(self) -> int:
        return self._quarantine.crashes

    def crashed_at(self, party: str, topic: str, payload: bytes, error: Exception, now: Now) -> None:
        """The source crashes at this message. Its bytes are in the log before anything else can go wrong."""
        self._quarantine.crashed(party, now.mono, key_of(topic, payload))
        where, kept = printable(topic), excerpt(payload)
        log.error("%s: crashes at %d bytes on %s, %s: %r", self._source, len(payload), where, kept, error)

    def crashed_over(self, party: str, error: Exception, now: Now) -> None:
        """The source crashes while it looks at a device that said nothing."""
        self._quarantine.crashed(party, now.mono)
        log.error("%s: crashes while it looks at %s: %r", self._source, party, error)

    def rests(self, party: str, now: Now) -> bool:
        """Whether it is left alone: a device whose state, not its message, is the trouble would crash us for ever."""
        return self._quarantine.rests(party, now.mono)

    def takes(
        self, topic: str, payload: bytes, qos: int, party: Party | None, now: Now, out: Outcome, whole: bytes = b""
    ) -> bool:
        """Whether the message is put aside; then `out` holds it, so that the journal has it before the broker forgets.

        Of a party that is left alone, what nobody would send again anyway (a heartbeat, `qos` 0) is only counted.
        `whole` is what is kept, where only a part of it says whether it is the same message.
        """
        key = key_of(topic, payload)
        is_poison = self._quarantine.holds(key)
        if not is_poison and (party is None or not self.rests(name_of(party), now)):
            return False
        self.count += 1
        kind = topic.rpartition("/")[2]
        reason = f"{kind}: {'reading it has crashed this program' if is_poison else REASON}"
        kept = key_of(topic, whole or payload)
        if (is_poison or qos) and kept not in self._kept:
            self._keep(kept, topic, whole or payload, party, reason, now, out)
        if party is not None and is_poison:
            _tell(party, kind, reason, payload, now, out)
        return True

    def handed_over(self) -> None:
        self._on_the_way.clear()

    def take_back(self) -> None:
        """What was kept did not reach the inbox: it is to be kept again."""
        for key in self._on_the_way:
            self._kept.pop(key, None)
        self._on_the_way.clear()

    def leave_alone(self, device: Speaker, now: Now, out: Outcome) -> None:
        """Nobody listens to it: for the control room it is as good as gone."""
        device.standing.hold(LEFT_ALONE, "set_aside", REASON, now, out)
        device.standing.gone(REASON, now, out)

    def _keep(
        self, key: Key, topic: str, payload: bytes, party: Party | None, reason: str, now: Now, out: Outcome
    ) -> None:
        self._seq += 1
        data = {
            "device": "" if party is None else name_of(party),
            "topic": topic,
            "reason": reason,
            "bytes": len(payload),
            "hex": payload[:MAX_FOREIGN_BYTES].hex(),
        }
        out.events.append(Event(SYSTEM, self._boot, self._seq, SET_ASIDE, now.utc, now.utc, False, data))
        self._on_the_way.append(key)
        self._kept[key] = None
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        log.error("%s: put aside unread: %s on %s", self._source, reason, printable(topic))


def name_of(party: Party) -> str:
    return f"gateway-{party.id}" if isinstance(party, Gateway) else party.id


def _tell(party: Party, kind: str, reason: str, payload: bytes, now: Now, out: Outcome) -> None:
    if isinstance(party, Gateway):
        party.complain("set_aside", reason, now, out)
        return
    party.refused.append(Refused(now.utc, kind, reason, excerpt(payload)))
    party.standing.complain("set_aside", reason, now, out)


def owner(topic: str, devices: Iterable[EstateDevice | ForeignDevice], gateways: Mapping[str, Gateway]) -> Party | None:
    """Whose topic it is."""
    try:
        said = parse_topic(topic)
    except DecodeError:
        said = None
    if said is not None and said.class_ == "gateway" and said.device in gateways:
        return gateways[said.device]
    for device in devices:
        if isinstance(device, ForeignDevice):
            if topic in device.topics:
                return device
        elif said is not None and (said.class_, said.device) == (device.class_, device.id):
            return device
    return None
