"""Tells everyone else of alarms over MQTT: one retained message per alarm, the newest state of each."""

from collections.abc import Callable, Collection, Iterable, Sequence

from daemon.pipeline import Decision
from daemon.publish import AlarmDocuments
from estate.model import nothing
from rules.alarm import AlarmId, Transition

Publish = Callable[[str, bytes, int, bool], bool]
"""(topic, payload, qos, retain) -> whether the client took it."""

CLEARED = b""
"""Takes a retained message from the broker."""


class Broadcast:
    """Publishes decisions as they come. What could not be published (no connection, a kill between commit
    and publish) is made good by publishing the newest state of every alarm after each connect. Alarms that are `gone`
    (no rule makes them any more) are cleared there: what the broker retains of them would stand for ever."""

    def __init__(
        self, site: str, documents: AlarmDocuments, last: Iterable[Transition], gone: Collection[AlarmId] = ()
    ) -> None:
        self._topic = f"estate/v1/{site}/alarm/"
        self._newest: dict[AlarmId, bytes] = {
            one.alarm: documents.build(one, None) for one in last if documents.knows(one.alarm)
        }
        self._newest |= dict.fromkeys(gone, CLEARED)
        self._publish: Publish | None = None
        self._flush: Callable[[], None] = nothing

    def through(self, publish: Publish | None, flush: Callable[[], None] = nothing) -> None:
        self._publish = publish
        self._flush = flush

    def decided(self, decisions: Sequence[Decision]) -> None:
        """Pipeline listener."""
        for decision in decisions:
            self._newest[decision.transition.alarm] = decision.document
            if self._publish is not None:
                self._publish(self._topic + decision.transition.alarm, decision.document, 1, True)
        self._flush()

    def connected(self) -> None:
        """Call after each connect of the session that publishes."""
        if self._publish is not None:
            for alarm, document in self._newest.items():
                self._publish(self._topic + alarm, document, 1, True)
