"""An adapter that speaks for many devices: its last will takes all of them offline."""

import logging

from drivers.mqtt.device import EstateDevice
from drivers.mqtt.envelope import StatusMessage, read
from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.outcome import Outcome
from drivers.mqtt.standing import Complaint
from estate.errors import DecodeError
from estate.model import Now, Quality, Sample, Value, point_id
from estate.printable import printable

log = logging.getLogger(__name__)

MAX_BOOTS = 1000


class Gateway:
    """The retained status of one adapter. A boot left behind changes nothing: a late will, a late birth."""

    def __init__(self, adapter: str, devices: tuple[EstateDevice | ForeignDevice, ...]) -> None:
        self.id = adapter
        self._devices = devices
        self._boot: str | None = None
        self._past: dict[str, None] = {}
        self._protocol = ""
        self.online: bool | None = None

    def status(self, payload: bytes, _retained: bool, now: Now, out: Outcome) -> None:
        if not payload:
            return
        try:
            said = read(StatusMessage, payload)
        except DecodeError as error:
            self.complain("malformed", f"status: {error}", now, out)
            return
        if self._protocol:
            self._protocol = ""
            self._say("protocol", "ok", now, out)
        behind = [device for device in self._devices if device.via == self.id]
        if said.state == "offline":
            if self._boot not in (None, said.boot):
                return
            self._boot = said.boot
            self._tell(False, now, out)
            for device in behind:
                device.gateway_gone(f"gateway {self.id} is offline", now, out)
            return
        if said.boot in self._past:
            return
        if self._boot is not None and self._boot != said.boot:
            self._past[self._boot] = None
            if len(self._past) > MAX_BOOTS:
                del self._past[next(iter(self._past))]
        self._boot = said.boot
        back = self.online is False
        self._tell(True, now, out)
        if back:
            for device in behind:
                device.gateway_back(now, out)

    def complain(self, what: Complaint, reason: str, now: Now, out: Outcome) -> None:
        """Its status was not understood, or not read: where it stands is not known until it says so again."""
        if self._protocol != what:
            self._protocol = what
            log.warning("gateway %s: %s: %s", self.id, what, reason)
            self._say("protocol", what, now, out, printable(reason))

    def _tell(self, online: bool, now: Now, out: Outcome) -> None:
        """Before its devices follow, so that one alarm explains all of theirs."""
        if online is not self.online:
            self.online = online
            self._say("online", online, now, out)

    def _say(self, name: str, value: Value, now: Now, out: Outcome, reason: str = "") -> None:
        point = point_id(f"gateway-{self.id}", name)
        out.samples.append(Sample(point, value, Quality.GOOD, now.utc, now.mono, reason=reason))
