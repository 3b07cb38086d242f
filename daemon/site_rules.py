"""rules.yaml: a site's own rules and its changes to stock ones, laid over the classes of the library."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from daemon.catalogue import Catalogue, rule_words
from daemon.lint.finding import Trees
from estate.document import Document, Loc
from estate.errors import Fault
from estate.strict import Id, PointName, Strict
from estate.validation import validate
from estate.wording import nearest, some
from rules.mould import Moulds
from rules.rule import EquipmentClass


class Change(Strict):
    """`parameters` are new defaults; under `rules` a known name changes what is written, a new name is a whole rule.

    So it is under `sequences`.
    """

    parameters: Mapping[PointName, bool | int | float | str] = {}
    rules: Mapping[PointName, Mapping[str, Any]] = {}
    sequences: Mapping[PointName, Mapping[str, Any]] = {}


class SiteRules(Strict):
    classes: Mapping[Id, Change] = {}
    equipment: Mapping[Id, Change] = {}


class SiteClasses:
    """The classes as this site has them: for all of a class, and for single equipment.

    `moulds` and `trees` are what all equipment of them shares when its alarms are made and looked at.
    """

    def __init__(self, catalogue: Catalogue, document: Document | None) -> None:
        self.faults: list[Fault] = []
        self.moulds: Moulds = {}
        self.trees: Trees = {}
        self._own: list[EquipmentClass] = []  # kept alive: what is shared goes by the identity of a class
        self.classes: dict[str, EquipmentClass] = dict(catalogue.classes)
        self._data = {name: stock.data for name, stock in catalogue.class_documents.items()}
        self._document = document
        self._changes = SiteRules()
        if document is None or document.data is None or () in document.spoiled:
            return
        changes, faults = validate(document, SiteRules)
        self.faults += faults
        if changes is None:
            return
        self._changes = changes
        for name, change in changes.classes.items():
            if name not in catalogue.class_ids:
                known = some(catalogue.class_ids)
                near = nearest(name, catalogue.class_ids)
                self.faults.append(document.fault("unknown_class", ("classes", name), near, id=name, known=known))
            elif name in self._data:
                cls, self._data[name] = self._lay_over(name, change, ("classes", name), document)
                if cls is not None:
                    self.classes[name] = cls

    def of(self, equipment: str, class_: str) -> EquipmentClass | None:
        """The class of one equipment, with its own changes if rules.yaml has any."""
        change = self._changes.equipment.get(equipment)
        if change is None or class_ not in self._data or self._document is None:
            return self.classes.get(class_)
        cls, _ = self._lay_over(class_, change, ("equipment", equipment), self._document)
        if cls is not None:
            self._own.append(cls)
        return cls

    def check_equipment(self, known: set[str]) -> None:
        """Says which changes are for equipment that does not exist."""
        for name in self._changes.equipment:
            if name not in known and self._document is not None:
                near = nearest(name, known)
                self.faults.append(self._document.fault("unknown_equipment", ("equipment", name), near, id=name))

    def _lay_over(
        self, name: str, change: Change, at: Loc, document: Document
    ) -> tuple[EquipmentClass | None, dict[str, Any]]:
        """The changed class and its data. Faults stand at the change, since the class beneath was sound."""
        data = deepcopy(self._data[name])
        lines: dict[Loc, int] = {(): document.line(at)}
        for parameter, value in change.parameters.items():
            if parameter not in data.get("parameters", {}):
                known = data.get("parameters", {})
                self.faults.append(
                    document.fault(
                        "unknown_parameter",
                        (*at, "parameters", parameter),
                        nearest(parameter, known),
                        class_=name,
                        name=parameter,
                        known=some(known),
                    )
                )
                continue
            data["parameters"][parameter]["default"] = value
            lines["parameters", parameter, "default"] = document.line((*at, "parameters", parameter))
            lines["parameters", parameter] = lines["parameters", parameter, "default"]
        for rule, parts in change.rules.items():
            data["rules"].setdefault(rule, {}).update(parts)
        for sequence, parts in change.sequences.items():
            data.setdefault("sequences", {}).setdefault(sequence, {}).update(parts)
        depth = len(at)
        written = {(*at, "rules"), (*at, "sequences")}
        lines |= {loc[depth:]: line for loc, line in document.lines.items() if loc[: depth + 1] in written}
        spoiled = frozenset(loc[depth:] for loc in document.spoiled if loc[:depth] == at)
        cls, faults = validate(Document(document.file, data, lines, (), spoiled), EquipmentClass, words=rule_words())
        self.faults += faults
        return cls, data if cls is not None else self._data[name]
