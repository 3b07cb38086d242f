"""What the product and the site know of device models and equipment classes, read only as far as the site needs it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

from drivers.profile import Profile, RegisterPoint
from estate import wording
from estate.document import Document, read_yaml
from estate.errors import Fault
from estate.validation import validate
from rules.rule import EquipmentClass

ROOT = Path(__file__).parents[1]
PROFILES = ROOT / "drivers" / "profiles"
LIBRARY = ROOT / "rules" / "library"


@cache
def rule_words() -> wording.Catalogue:
    """The catalogue of mistakes in classes and rules: code to zh and en."""
    document = read_yaml(ROOT / "rules" / "messages.yaml")
    return document.data if isinstance(document.data, dict) else {}


@dataclass(slots=True)
class Catalogue:
    """Profiles and classes by id, with the ids that exist at all. Faulty ones are left out and told in `faults`."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    profile_ids: frozenset[str] = frozenset()
    classes: dict[str, EquipmentClass] = field(default_factory=dict)
    class_documents: dict[str, Document] = field(default_factory=dict)
    class_ids: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)


def read_catalogue(site: Path, profiles: Iterable[str], classes: Iterable[str]) -> Catalogue:
    """The named profiles and classes, and every profile in the site's own folder, which wins over a stock one."""
    catalogue = Catalogue()
    own = {file.stem: file for file in sorted((site / "profiles").glob("*.yaml"))}
    stock = {file.stem: file for file in sorted(PROFILES.glob("*.yaml"))}
    catalogue.profile_ids = frozenset({*own, *stock})
    for name in sorted({*own, *(set(profiles) & catalogue.profile_ids)}):
        _read_profile(catalogue, name, own.get(name) or stock[name])
    library = {file.stem: file for file in sorted(LIBRARY.glob("*.yaml"))}
    catalogue.class_ids = frozenset(library)
    for name in sorted(set(classes) & catalogue.class_ids):
        _read_class(catalogue, name, library[name])
    return catalogue


def _read_profile(catalogue: Catalogue, name: str, file: Path) -> None:
    document = read_yaml(file)
    catalogue.faults += document.faults
    if () in document.spoiled:
        return
    profile, faults = validate(document, Profile)
    if profile is not None:
        if profile.profile != name:
            faults.append(document.fault("profile_name", ("profile",), name=profile.profile))
        faults += overlaps(document, profile.registers)
    catalogue.faults += faults
    if profile is not None and not faults:
        catalogue.profiles[name] = profile


def _read_class(catalogue: Catalogue, name: str, file: Path) -> None:
    document = read_yaml(file)
    catalogue.faults += document.faults
    if () in document.spoiled:
        return
    cls, faults = validate(document, EquipmentClass, words=rule_words())
    catalogue.faults += faults
    if cls is not None:
        catalogue.classes[name] = cls
        catalogue.class_documents[name] = document


def overlaps(document: Document, registers: Mapping[str, RegisterPoint]) -> Iterator[Fault]:
    """Points that take the same registers: two whole values, the same bit twice, or spans that half cover each other.

    Bits of one word side by side, and bits beside the word as a whole, are how makers build status words.
    """
    for (one, first), (two, second) in combinations(registers.items(), 2):
        if first.table is second.table and _collide(first, second):
            shared = max(first.address, second.address)
            yield document.fault(
                "profile_overlap", ("registers", two), one=one, two=two, table=first.table.value, address=shared
            )


def _collide(first: RegisterPoint, second: RegisterPoint) -> bool:
    here, there = _span(first), _span(second)
    if here.stop <= there.start or there.stop <= here.start:
        return False
    if first.table.is_bits:
        return here == there  # several neighbours taken together may well contain one that is also read alone
    if here != there:
        return True
    if first.is_partial != second.is_partial:
        return False
    return not first.is_partial or bool(_bits(first) & _bits(second))


def _span(point: RegisterPoint) -> range:
    return range(point.address, point.address + point.registers)


def _bits(point: RegisterPoint) -> set[int]:
    if point.bits is not None:
        shift, width = point.bits
        return set(range(shift, shift + width))
    return {point.bit} if point.bit is not None else set()
