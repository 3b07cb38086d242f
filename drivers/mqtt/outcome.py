"""What a batch of messages comes to: samples and events in order, and what to answer the devices."""

from dataclasses import dataclass, field

from drivers.mqtt.sequence import EventTrack
from estate.model import Event, Sample


@dataclass(slots=True)
class Outcome:
    """Filled while a batch is read. `acks` ((topic, boot, from) -> seq) go out when it is settled, `requests` now.

    `taken` are the numbers of devices (life, seq) that were counted as received.
    """

    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    acks: dict[tuple[str, str, int], int] = field(default_factory=dict)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    taken: list[tuple[EventTrack, str, int]] = field(default_factory=list)

    def take_back(self, mono: float) -> list[Sample]:
        """It could not be delivered (at `mono`, monotonic s): the devices will say their events again.

        Returns what must go out with the next delivery: what is told only when it changes. What belongs to an event
        comes with that.
        """
        for track, life, seq in reversed(self.taken):
            track.lose(life, seq, mono)
        return [sample for sample in self.samples if sample.cause is None]
