"""An adapter that speaks for many devices: its last will takes all of them offline."""

import logging

from drivers.mqtt.device import EstateDevice
from drivers.mqtt.envelope import StatusMessage, read
from drivers.mqtt.foreign import ForeignDevice
from drivers.mqtt.outcome import Outcome
from estate.errors import DecodeError
from estate.model import Now, Quality, Sample, point_id

log = logging.getLogger(__name__)

MAX_BOOTS = 1000


class Gateway:
    """The retained status of one adapter. A boot left behind changes nothing: a late will, a late birth."""

    def __init__(self, adapter: str, devices: tuple[EstateDevice | ForeignDevice, ...]) -> None:
        self.id = adapter
        self._devices = devices
        self._boot: str | None = None
        self._past: dict[str, None] = {}
        self._misspoke = False
        self.online: bool | None = None

    def status(self, payload: bytes, _retained: bool, now: Now, out: Outcome) -> None:
        if not payload:
            return
        try:
            said = read(StatusMessage, payload)
        except DecodeError as error:
            if not self._misspoke:
                log.warning("gateway %s: status not understood: %s", self.id, error)
            self._misspoke = True
            return
        self._misspoke = False
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

    def _tell(self, online: bool, now: Now, out: Outcome) -> None:
        """Before its devices follow, so that one alarm explains all of theirs."""
        if online is not self.online:
            self.online = online
            point = point_id(f"gateway-{self.id}", "online")
            out.samples.append(Sample(point, online, Quality.GOOD, now.utc, now.mono))
