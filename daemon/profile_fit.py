"""A profile against the classes it serves: classes that exist, and points in the units their class counts in."""

from collections.abc import Iterator, Mapping, Set

from drivers.profile import Profile, RegisterPoint
from estate.document import Document
from estate.errors import Fault
from estate.wording import nearest, some
from rules.rule import ClassPoint
from rules.units import parse_unit, scale

ClassPoints = Mapping[str, Mapping[str, ClassPoint]]
"""Classes by id, with their points by name."""


def factor(given: str, wanted: str) -> str:
    """By what a scale is multiplied for another unit; "" where no factor leads from one to the other."""
    source, target = parse_unit(given), parse_unit(wanted)
    return f"{scale(source, target):.9g}" if source is not None and target is not None and source.fits(target) else ""


def unfit(document: Document, profile: Profile, classes: ClassPoints, known: Set[str]) -> Iterator[Fault]:
    """Classes that do not exist, and points whose unit is not that of their class."""
    for place, name in enumerate(profile.classes):
        if name not in known:
            near = nearest(name, known)
            yield document.fault("profile_class", ("classes", place), near, id=name, known=some(known))
    section = "registers" if profile.modbus is not None else "fields"
    for name, point in profile.points.items():
        units = {class_: classes[class_][name].unit for class_ in profile.classes if name in classes.get(class_, {})}
        if isinstance(point, RegisterPoint) and point.is_scaled_on_site:
            continue
        for class_, wanted in units.items():
            if wanted and wanted != point.unit:
                words = {"point": name, "class_": class_, "wanted": wanted, "given": point.unit}
                times = factor(point.unit, wanted)
                code = "profile_unit_factor" if times else "profile_unit" if point.unit else "profile_unit_missing"
                yield document.fault(code, (section, name, "unit"), **words, factor=times)
                break
