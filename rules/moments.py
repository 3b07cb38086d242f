"""Cuts a row of samples into moments: what was received at one time for one cause, each point at most once."""

from collections.abc import Sequence

from estate.model import PointId, Sample


def moments(samples: Sequence[Sample]) -> Sequence[Sequence[Sample]]:
    """In their order, none empty. A point that comes again begins a new moment: a pulse is two."""
    if len(samples) < 2:
        return (samples,) if samples else ()
    found = []
    begin = 0
    points: set[PointId] = set()
    for place, sample in enumerate(samples):
        first = samples[begin]
        if sample.received != first.received or sample.cause != first.cause or sample.point in points:
            found.append(samples[begin:place])
            begin = place
            points.clear()
        points.add(sample.point)
    found.append(samples[begin:])
    return found
