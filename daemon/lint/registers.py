"""What the register keeps for commissioning: facts not given, facts outside their limits, places left out."""

from collections.abc import Iterator, Sequence

from daemon.lint.finding import Finding, Watched
from estate.errors import Fault
from estate.wording import some

MANY_SPACES, ENTRANCES, CHARGING = 500, 3, 0.1
"""Above so many spaces a car park has at least so many entrances; this share of all spaces charges (PK-7)."""


def unregistered(one: Watched) -> Iterator[Finding]:
    """Facts of the class that the row does not give, or gives outside what commissioning accepts."""
    for name, parameter in one.cls.parameters.items():
        value = one.row.value.parameters.get(name)
        if value is None:
            if parameter.registered:
                yield Finding("register_missing", one.place, one.id, (("name", name), ("source", parameter.source)))
            continue
        if not isinstance(value, int | float):
            continue
        for code, limit in (("register_low", parameter.least), ("register_high", parameter.most)):
            beyond = limit is not None and (value < limit if code == "register_low" else value > limit)
            if beyond:
                words = (("name", name), ("value", f"{value:g}"), ("limit", f"{limit:g}"), ("unit", parameter.unit))
                yield Finding(code, (one.row.document, (*one.row.loc, "parameters", name)), one.id, words)


def car_parks(one: Watched) -> Iterator[Finding]:
    """PK-7: enough entrances and charging bays."""
    if one.cls.class_ != "car_park":
        return
    spaces, entrances, charging = (_number(one, name) for name in ("spaces", "entrances", "charging_bays"))
    if spaces > MANY_SPACES and entrances < ENTRANCES:
        yield Finding("entrances_few", one.place, one.id, (("spaces", f"{spaces:g}"), ("least", str(ENTRANCES))))
    if charging < CHARGING * spaces:
        yield Finding("charging_few", one.place, one.id, (("bays", f"{charging:g}"), ("spaces", f"{spaces:g}")))


def uncovered(watched: Sequence[Watched]) -> Iterator[Fault]:
    """AC-1: kinds of places without a door. `other` is no kind that has to be covered."""
    doors = [one for one in watched if one.cls.class_ == "door"]
    if not doors:
        return
    wanted = set(doors[0].cls.parameters["place_kind"].words) - {"other"}
    missing = wanted - {str(one.row.value.parameters.get("place_kind")) for one in doors}
    if missing:
        yield doors[0].row.fault("doors_missing", "id", kinds=some(missing))


def _number(one: Watched, name: str) -> float:
    value = one.row.value.parameters.get(name, one.cls.parameters[name].default)
    return float(value) if isinstance(value, int | float) else 0.0
