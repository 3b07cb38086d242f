"""What the product and the site know of device models and equipment classes, read only as far as the site needs it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from daemon.profile_fit import unfit
from drivers.modbus.overlap import Clash, overlaps
from drivers.profile import Profile
from estate import wording
from estate.document import Document, read_yaml
from estate.errors import Fault
from estate.validation import validate
from rules.rule import ClassPoint, EquipmentClass

ROOT = Path(__file__).parents[1]
PROFILES = ROOT / "drivers" / "profiles"
LIBRARY = ROOT / "rules" / "library"

CLASHES = {
    Clash.PART: "profile_half_a_number",
    Clash.ORDER: "profile_two_word_orders",
    Clash.BITS: "profile_same_bits",
}


@cache
def rule_words() -> wording.Catalogue:
    """The catalogue of mistakes in classes and rules: code to zh and en."""
    document = read_yaml(ROOT / "rules" / "messages.yaml")
    return document.data if isinstance(document.data, dict) else {}


@dataclass(slots=True)
class Catalogue:
    """Profiles and classes by id, with the ids that exist at all. Faulty ones are left out and told in `faults`.

    `class_points` are those of all classes that the profiles serve, whether or not the site has such equipment.
    """

    profiles: dict[str, Profile] = field(default_factory=dict)
    profile_ids: frozenset[str] = frozenset()
    classes: dict[str, EquipmentClass] = field(default_factory=dict)
    class_documents: dict[str, Document] = field(default_factory=dict)
    class_ids: frozenset[str] = frozenset()
    profile_documents: dict[str, Document] = field(default_factory=dict)
    class_points: dict[str, Mapping[str, ClassPoint]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_catalogue(site: Path, profiles: Iterable[str], classes: Iterable[str]) -> Catalogue:
    """The named profiles and classes, and every profile in the site's own folder, which wins over a stock one."""
    catalogue = Catalogue()
    own = {file.stem: file for file in sorted((site / "profiles").glob("*.yaml"))}
    stock = {file.stem: file for file in sorted(PROFILES.glob("*.yaml"))}
    catalogue.profile_ids = frozenset({*own, *stock})
    library = {file.stem: file for file in sorted(LIBRARY.glob("*.yaml"))}
    catalogue.class_ids = frozenset(library)
    for name in sorted({*own, *(set(profiles) & catalogue.profile_ids)}):
        _read_profile(catalogue, name, own.get(name) or stock[name])
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
        if profile.modbus is not None:
            faults += _overlaps(document, profile)
        served = [one for one in profile.classes if one in catalogue.class_ids]
        catalogue.class_points |= {one: _points_of(LIBRARY / f"{one}.yaml") for one in served}
        faults += unfit(document, profile, catalogue.class_points, catalogue.class_ids)
    catalogue.faults += faults
    if profile is not None and not faults:
        catalogue.profiles[name] = profile
        catalogue.profile_documents[name] = document


@cache
def _points_of(file: Path) -> Mapping[str, ClassPoint]:
    """The points alone: rules are read of those classes only that the site has."""
    points: Mapping[str, ClassPoint] = {}
    document = read_yaml(file)
    if not document.spoiled and isinstance(document.data, dict):
        written = document.data.get("points") or {}
        read = {name: validate(document, ClassPoint, ("points", name))[0] for name in written}
        points = {name: point for name, point in read.items() if point is not None}
    return points


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


def _overlaps(document: Document, profile: Profile) -> Iterator[Fault]:
    for found in overlaps(profile):
        yield document.fault(
            CLASHES[found.clash],
            ("registers", found.two),
            one=found.one,
            two=found.two,
            table=found.table.value,
            address=found.address,
        )
