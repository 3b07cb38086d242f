"""One doubt about a site. Two hundred sumps with the same doubt are told in one line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from estate.document import Document, Loc
from estate.errors import Fault
from estate.folder import Placed
from estate.installation import Equipment
from estate.model import PointId
from estate.wording import fault, some
from rules.absence import without
from rules.alarm import AlarmId
from rules.condition import parse
from rules.instance import RuleInstance
from rules.kinds import check
from rules.rule import EquipmentClass
from rules.tree import Node

Place = tuple[Document, Loc]


@dataclass(frozen=True, slots=True)
class Watched:
    """One equipment with its class as the site has it, its bound points, and the alarms that came of them.

    `conditions` are what decides them, in one unit and without the points it does not have; alarms of
    sequences are not among them.
    """

    row: Placed[Equipment]
    cls: EquipmentClass
    bound: Mapping[str, PointId]
    alarms: tuple[RuleInstance, ...]
    conditions: Mapping[AlarmId, Node]

    @property
    def id(self) -> str:
        return self.row.value.id

    @property
    def place(self) -> Place:
        return self.row.document, (*self.row.loc, "id")

    def rule_place(self, rules: Document | None, rule: str, key: str = "rules") -> Place:
        """Where the site says something of a rule (or of a parameter, with key `parameters`), else the row."""
        if key == "parameters" and rule in self.row.value.parameters:
            return self.row.document, (*self.row.loc, key, rule)
        if rules is not None:
            for loc in (("equipment", self.id, key, rule), ("classes", self.cls.class_, key, rule)):
                if loc in rules.lines:
                    return rules, loc
        return self.place


Trees = dict[tuple[int, frozenset[str], str], Node | None]
"""Conditions by class (its identity), absent points and text: equipment of a class shares them."""


def look_at(
    row: Placed[Equipment],
    cls: EquipmentClass,
    bound: Mapping[str, PointId],
    alarms: tuple[RuleInstance, ...],
    trees: Trees,
) -> Watched:
    """`trees` is kept for all equipment of a site, as long as its classes are."""
    known, absent = cls.known, frozenset(cls.points) - frozenset(bound)
    conditions: dict[AlarmId, Node] = {}
    for one in alarms:
        if one.rule_name not in cls.rules:
            continue
        key = (id(cls), absent, one.rule.when)
        if key not in trees:
            trees[key] = without(check(parse(one.rule.when), known), absent)
        if (tree := trees[key]) is not None:
            conditions[one.alarm] = tree
    return Watched(row, cls, bound, alarms, conditions)


@dataclass(frozen=True, slots=True)
class Finding:
    """`values` fill in the words of `code` in estate/faults.toml, where {equipment} lists all concerned."""

    code: str
    place: Place
    equipment: str
    values: tuple[tuple[str, str], ...] = ()


def told(findings: Iterable[Finding]) -> list[Fault]:
    """One fault for each kind of finding with the same words, where it was found first."""
    first: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Place, list[str]]] = {}
    for one in findings:
        _, concerned = first.setdefault((one.code, one.values), (one.place, []))
        if one.equipment not in concerned:
            concerned.append(one.equipment)
    return [
        fault(code, document.file, document.line(loc), **dict(values), equipment=some(concerned))
        for (code, values), ((document, loc), concerned) in first.items()
    ]
