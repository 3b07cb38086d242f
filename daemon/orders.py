"""What a command comes to on this site: the point to write, what proves it, and whether it is allowed now."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from daemon.assembly import Assembly
from daemon.catalogue import rule_words
from estate.errors import CommandRefused
from estate.installation import Equipment
from estate.model import EquipmentId, PointId, Value
from estate.strict import Text
from rules.command import ClassCommand
from rules.interlock import Interlock, interlock


class Bar(StrEnum):
    """Why a command is refused; the words for people are in rules/messages.yaml under `refused_command_<bar>`."""

    NO_EQUIPMENT = "no_equipment"
    NO_COMMAND = "no_command"
    UNBOUND = "unbound"
    NOT_WRITABLE = "not_writable"
    NOT_ENABLED = "not_enabled"
    NO_LINE = "no_line"
    PULSE_WAITING = "pulse_waiting"
    OTHER_COMMAND = "other_command"
    NOTHING_ENDS_IT = "nothing_ends_it"
    TOO_LONG = "too_long"

    @property
    def words(self) -> Text:
        return Text(**rule_words()[f"refused_command_{self.value}"])


class NotAllowed(CommandRefused):
    """A command that is refused here or now, with the sentence for the operator in both languages."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


@dataclass(frozen=True, slots=True)
class Order:
    """A command of one equipment, ready to be carried out. Times in seconds.

    `feedback` is what is read back; a pulse without one has none. `reads` are the points of the interlock by
    their names in the class.
    """

    target: EquipmentId
    name: str
    command: ClassCommand
    device: str
    point: PointId
    feedback: PointId | None
    within: float
    longest: float | None
    interlock: Interlock
    reads: Mapping[str, PointId]

    @property
    def touches(self) -> frozenset[PointId]:
        """What changes while it is carried out."""
        return frozenset((self.point,) if self.feedback is None else (self.point, self.feedback))

    def check(self, value: Callable[[PointId], Value | None]) -> None:
        """Raises NotAllowed unless the interlock is true. `value` gives the good value of a point, or None."""
        if not self.interlock.allows(lambda name: value(self.reads[name])):
            assert self.command.refusal is not None, "rules.command demands it beside an interlock"
            raise NotAllowed(self.command.refusal)


class Orders:
    """All commands of the site. Only devices that the site enabled and points that the profile marks take any."""

    def __init__(self, assembly: Assembly, writable: Container[str]) -> None:
        """`writable` are the devices that a driver can write to."""
        self._devices = {one.id: one for one in assembly.site.devices}
        self._assembly = assembly
        self._writable = writable
        self._orders: dict[tuple[EquipmentId, str], Order | Text] = {}
        self._of: dict[EquipmentId, list[str]] = {}
        for item in assembly.site.equipment:
            target = EquipmentId(item.id)
            cls = assembly.own_classes[target]
            for name in cls.commands:
                self._orders[target, name] = self._order(target, name, cls.commands[name], item.parameters)
                self._of.setdefault(target, []).append(name)

    def of(self, target: EquipmentId) -> dict[str, Order | Text]:
        """The commands of an equipment: each ready, or the reason why it cannot be given here at all."""
        return {name: self._orders[target, name] for name in self._of.get(target, ())}

    def __contains__(self, command: tuple[EquipmentId, str]) -> bool:
        """Whether an equipment has a command by this name that can be given here."""
        return isinstance(self._orders.get(command), Order)

    def find(self, target: EquipmentId, name: str) -> Order:
        """Raises NotAllowed, whatever the values are."""
        found = self._orders.get((target, name))
        if found is None:
            raise NotAllowed((Bar.NO_COMMAND if target in self._of else Bar.NO_EQUIPMENT).words)
        if isinstance(found, Text):
            raise NotAllowed(found)
        return found

    def _order(self, target: EquipmentId, name: str, command: ClassCommand, own: Mapping[str, Value]) -> "Order | Text":
        bindings = self._assembly.bindings[target]
        cls = self._assembly.own_classes[target]
        parameters = {one: parameter.default for one, parameter in cls.parameters.items()} | dict(own)
        point = bindings.get(command.write)
        absent = frozenset(cls.points) - frozenset(bindings)
        condition = interlock(command.interlock, cls.known, parameters, absent)
        if point is None or condition is None:
            return Bar.UNBOUND.words
        device, _, register = point.rpartition(".")
        one = self._devices.get(device)
        described = self._assembly.profiles[one.profile].points.get(register) if one is not None else None
        if one is None or described is None or not described.writable:
            return Bar.NOT_WRITABLE.words
        if not one.commands:
            return Bar.NOT_ENABLED.words
        if device not in self._writable:
            return Bar.NO_LINE.words
        feedback = bindings.get(command.read_back) if command.read_back is not None else None
        if feedback is None and not command.pulse:
            feedback = point
        return Order(
            target=target,
            name=name,
            command=command,
            device=device,
            point=point,
            feedback=feedback,
            within=_seconds(command.within, parameters) or 0.0,
            longest=_seconds(command.longest, parameters),
            interlock=condition,
            reads={one: bindings[one] for one in condition.points},
        )


def groups(equipment: Iterable[Equipment]) -> dict[str, list[EquipmentId]]:
    """Equipment that is commanded together, by the name that its rows share under `group`."""
    found: dict[str, list[EquipmentId]] = {}
    for item in equipment:
        if item.group is not None:
            found.setdefault(item.group, []).append(EquipmentId(item.id))
    return found


def _seconds(value: float | str | None, parameters: Mapping[str, Value]) -> float | None:
    return max(0.0, float(parameters[value])) if isinstance(value, str) else value
