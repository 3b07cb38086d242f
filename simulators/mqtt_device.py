"""One MQTT device of our contract: numbers its events, keeps the last ones for replay, tells its state."""

import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zlib import crc32

from drivers.profile import MqttPoint, Profile
from estate.errors import CommandRefused
from estate.model import Clock, Value
from simulators.command_guard import Guard
from simulators.faults import Breakable, Details, number, word
from simulators.outbox import Outbox
from simulators.plant import Plant

REMEMBERED = 5000
"""Events of one boot kept for replay; older ones cannot be had again."""
REMEMBERED_BOOTS = 3
MOST_AT_ONCE = 1_000_000
"""Events of one flood or one gap."""
STATE_EVERY = 900.0
"""Seconds after which the state is told again although nothing changed."""

Send = Callable[[str, bytes, bool], None]
"""Topic, payload, retained."""

Write = Callable[[str, Value, Mapping[str, str]], None]
"""Point, value, and who wanted it; raises CommandRefused."""


def cannot_be_written(point: str, value: Value, told: Mapping[str, str]) -> None:
    raise CommandRefused(f"{point} cannot be written")


class MqttDevice(Breakable):
    kind = "mqtt"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "mute": "says nothing at all: no event, no state, no heartbeat",
        "offline": "its adapter reports it offline",
        "bad_clock": "its clock is wrong; offset s (120), tq (sync)",
    }
    shortcuts: ClassVar[Mapping[str, str]] = {"power_loss": "offline"}
    acts_offered: ClassVar[Mapping[str, str]] = {
        "flood": "n (1000) events at rate per second (200)",
        "duplicate": "the last event once more",
        "gap": "events that never arrive; n (1), fill (true): a replay still has them",
        "malformed": "a message that means nothing; form json|text|huge|fields (json)",
        "conflict": "the last number again with other content",
        "boot": "restarts: new boot id, numbers from 1",
    }

    def __init__(
        self,
        name: str,
        profile: Profile,
        *,
        site: str,
        via: str | None,
        value: Callable[[str], Value | None],
        watch: Callable[[], Sequence[Value | None]],
        plant: Plant | None,
        clock: Clock,
        guard: Guard | None = None,
        write: Write = cannot_be_written,
    ) -> None:
        super().__init__(name)
        if profile.mqtt is None:
            raise ValueError(f"{profile.profile} is no MQTT profile")
        self.profile = profile
        self.via = via
        self.root = f"estate/v1/{site}/{profile.mqtt.topic_class}/{name}"
        self.heartbeat = profile.mqtt.heartbeat
        self.seq = 0
        self.boot = ""
        self._value = value
        self._watch = watch
        self._plant = plant
        self._clock = clock
        self._guard = guard
        self._write = write
        self._send: Send = lambda topic, payload, retain: None
        self._outbox = Outbox(lambda topic, payload: None)
        self._is_up: Callable[[], bool] = lambda: False
        self._remembered: dict[str, deque[dict[str, Any]]] = {}
        self._told: Sequence[Value | None] | None = None
        self._told_at = self._booted_at = 0.0
        # Not all devices of an estate beat at once.
        self._beaten_at = clock.now().mono - self.heartbeat * (crc32(name.encode()) % 100) / 100.0
        self._owed = 0.0
        self._flood_left = 0
        self._flood_rate = 0.0
        self.restart()

    def connect(self, send: Send, outbox: Outbox, is_up: Callable[[], bool]) -> None:
        """Join an adapter: its connection and its outbox."""
        self._send, self._outbox, self._is_up = send, outbox, is_up

    def restart(self) -> None:
        """A new boot id, never used before; numbers begin again."""
        now = self._clock.now()
        self.boot = f"{int(now.utc.timestamp() * 1000):x}-{secrets.token_hex(3)}"
        self.seq = 0
        self._booted_at = now.mono
        self._remembered[self.boot] = deque(maxlen=REMEMBERED)
        for old in list(self._remembered)[:-REMEMBERED_BOOTS]:
            del self._remembered[old]
        self._told = None

    def topics(self) -> list[str]:
        kinds = ("ack", "replay", "get", "cmd") if self._guard is not None else ("ack", "replay", "get")
        return [f"{self.root}/{kind}" for kind in kinds]

    def command(self, payload: bytes) -> None:
        """Obey a signed command, or say no; what cannot be trusted gets no answer."""
        if self._guard is None or self._is_silent:
            return
        wrong = self.detail("bad_clock", "offset", 120.0) if "bad_clock" in self.faults else 0.0
        verdict = self._guard.judge(payload, timedelta(seconds=wrong))
        state, reason = ("done", "") if verdict.accepted else ("refused", verdict.reason)
        if verdict.accepted:
            try:
                argument = json.loads(verdict.argument)
                self._write(verdict.action, argument.pop("value"), argument)
            except (CommandRefused, KeyError, ValueError) as refusal:
                state, reason = "refused", str(refusal)
        if verdict.answer:
            self._send(f"{self.root}/cmd_result", self._guard.result(verdict.nonce, state, reason[:200]), False)

    def announce(self) -> None:
        """What stands retained at the broker: who it is, that it is there, how it is."""
        if "mute" in self.faults:
            return
        meta = {"v": 1, "profile": self.profile.profile, "heartbeat": self.heartbeat or None, "firmware": "simulated"}
        self._say("meta", {key: value for key, value in meta.items() if value is not None}, retain=True)
        self.status("offline" if "offline" in self.faults else "online", "start")
        self._told = None
        self.refresh()

    def status(self, state: str, reason: str) -> None:
        self._say("status", self.status_message(state, reason), retain=True)

    def status_message(self, state: str, reason: str) -> dict[str, Any]:
        message = {"v": 1, "state": state, "boot": self.boot, "ts": self._time(), "reason": reason}
        return message if self.via is None else {**message, "via": self.via}

    def emit(self, type_: str, data: Mapping[str, Any], *, historic: bool = False) -> None:
        """Number an event, keep it and send it."""
        message = self._number(type_, data)
        message["hist"] = historic
        waiting = self._outbox.add(f"{self.root}/event", message, self._clock.now().mono)
        if self._is_up() and not self._is_silent:
            self._outbox.transmit(waiting, self._clock.now().mono)

    def refresh(self) -> None:
        """Tell the state when it has changed, or has not been told for long."""
        now, seen = self._clock.now().mono, self._watch()
        if self._is_silent or (seen == self._told and now - self._told_at < STATE_EVERY):
            return
        self._told, self._told_at = seen, now
        self._say("state", self._envelope() | {"data": self.state()}, retain=True)

    def state(self) -> dict[str, Any]:
        """The profile's fields, each at its path."""
        data: dict[str, Any] = {}
        for name, point in self.profile.fields.items():
            place(data, point.path, raw(point, self._value(name)))
        return data

    def beat(self, now: float) -> None:
        """Heartbeats and floods that are due at monotonic second `now`."""
        if self._flood_left:
            self._flood(now)
        if self.heartbeat and now - self._beaten_at >= self.heartbeat and not self._is_silent:
            self._beaten_at = now
            up, queue = round(now - self._booted_at), self._outbox.queued(self.name)
            self._say("hb", self._envelope() | {"up_s": up, "queue": queue})

    def hear(self, kind: str, message: Mapping[str, Any]) -> None:
        """`ack`, `replay` or `get` from the daemon."""
        match kind, message:
            case "ack", {"boot": str(boot), "from": int(first), "seq": int(last)}:
                self._outbox.acknowledge(self.name, boot, first, last)
            case "replay", {"from_seq": int(first), "to_seq": int(last)}:
                self._replay(str(message.get("boot", self.boot)), first, last)
            case "get", _:
                self._told = None
                self.refresh()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "offline":
            self.status("offline", "no answer")
        elif fault == "bad_clock":
            number(details, "offset", 120.0)
            word(details, "tq", "sync")

    def end(self, fault: str) -> None:
        if fault in ("mute", "offline"):
            self.announce()
            self._outbox.send_unsent(self._clock.now().mono)

    def perform(self, act: str, details: Details) -> None:
        match act:
            case "flood":
                if self._plant is None or self._plant.chatter is None:
                    raise CommandRefused(f"{self.name} has no event to repeat")
                self._flood_left = int(min(number(details, "n", 1000.0), MOST_AT_ONCE)) // 2 * 2
                self._flood_rate = max(number(details, "rate", 200.0), 0.1)
                self._owed = self._clock.now().mono
            case "gap":
                for _ in range(int(min(number(details, "n", 1.0), MOST_AT_ONCE))):
                    self._number("device.note", {})
                    if details.get("fill", True) is not True:
                        self._remembered[self.boot].pop()
            case "duplicate" | "conflict":
                self._repeat(changed=act == "conflict")
            case "malformed":
                self._send(f"{self.root}/event", self._nonsense(word(details, "form", "json")), False)
            case "boot":
                self.restart()
                self.announce()

    @property
    def _is_silent(self) -> bool:
        return "mute" in self.faults or "offline" in self.faults

    def _number(self, type_: str, data: Mapping[str, Any]) -> dict[str, Any]:
        self.seq += 1
        now = self._clock.now().utc
        message = self._envelope() | {"rx": iso(now), "type": type_, "hist": False, "ref": f"sim:{self.seq}"}
        message["data"] = dict(data)
        self._remembered[self.boot].append(message)
        return message

    def _envelope(self) -> dict[str, Any]:
        quality = word(self.faults["bad_clock"].details, "tq", "sync") if "bad_clock" in self.faults else "sync"
        return {"v": 1, "dev": self.name, "boot": self.boot, "seq": self.seq, "ts": self._time(), "tq": quality}

    def _time(self) -> str:
        offset = self.detail("bad_clock", "offset", 120.0) if "bad_clock" in self.faults else 0.0
        return iso(self._clock.now().utc + timedelta(seconds=offset))

    def _say(self, kind: str, message: Mapping[str, Any], *, retain: bool = False) -> None:
        self._send(f"{self.root}/{kind}", json.dumps(message, ensure_ascii=False).encode(), retain)

    def _replay(self, boot: str, first: int, last: int) -> None:
        for message in list(self._remembered.get(boot, ())):
            if first <= message["seq"] <= last:
                payload = json.dumps(message | {"hist": True}, ensure_ascii=False).encode()
                self._send(f"{self.root}/event", payload, False)

    def _repeat(self, *, changed: bool) -> None:
        if not self._remembered[self.boot]:
            raise CommandRefused(f"{self.name} has not said anything yet")
        message = self._remembered[self.boot][-1]
        if changed:
            message = message | {"type": "device.other", "data": {"conflict": True}}
        self._send(f"{self.root}/event", json.dumps(message, ensure_ascii=False).encode(), False)

    def _nonsense(self, form: str) -> bytes:
        forms = {
            "json": b'{"v": 1, "dev": ',
            "text": b"\xff\xfenonsense\x00",
            "huge": json.dumps(self._envelope() | {"type": "device.note", "data": {"x": "y" * 20_000}}).encode(),
            "fields": json.dumps({"v": 1, "dev": self.name, "seq": "many"}).encode(),
        }
        if form not in forms:
            raise CommandRefused(f"form is one of {', '.join(forms)}")
        return forms[form]

    def _flood(self, now: float) -> None:
        chatter = self._plant.chatter if self._plant is not None else None
        assert chatter is not None, "only a plant with chatter floods"
        due = min(int((now - self._owed) * self._flood_rate), self._flood_left)
        self._owed += due / self._flood_rate
        for _ in range(due):
            self.emit(chatter[self._flood_left % 2], {"flood": True})
            self._flood_left -= 1


def raw(point: MqttPoint, value: Value | None) -> Value | None:
    """A plant's value as the device writes it: renamed and scaled back; a broken sensor is unknown or null."""
    if value is None:
        return point.unknown[0] if point.unknown else None
    for written, meaning in point.map.items():
        if meaning == value and type(meaning) is type(value):
            return {"true": True, "false": False}.get(written, written)
    if isinstance(value, int | float) and not isinstance(value, bool) and (point.scale, point.offset) != (1.0, 0.0):
        return round((value - point.offset) / point.scale, 9)
    return value


def place(document: dict[str, Any], path: str, value: Value | None) -> None:
    """Set a dotted path in a JSON document."""
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value


def iso(moment: datetime) -> str:
    """UTC with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
