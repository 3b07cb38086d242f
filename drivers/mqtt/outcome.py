"""What a batch of messages comes to: samples and events in order, and what to answer the devices."""

from dataclasses import dataclass, field

from estate.model import Event, Sample


@dataclass(slots=True)
class Outcome:
    """Filled while a batch is read. `acks` ((topic, boot, from) -> seq) go out when it is settled, `requests` now."""

    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    acks: dict[tuple[str, str, int], int] = field(default_factory=dict)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
