"""Point names of a profile that look like a slip of the pen: the alarm that needs the right name is left out unseen."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from daemon.catalogue import Catalogue
from daemon.wiring import point_names
from drivers.profile import Profile
from estate.errors import Fault
from estate.folder import SiteFolder
from estate.model import EquipmentId, PointId
from rules.rule import ClassPoint

ALIKE = 0.8
"""How alike two names are (difflib's ratio) of which one is taken for the other misspelt."""


def misspelt(
    site: SiteFolder, catalogue: Catalogue, bindings: Mapping[EquipmentId, Mapping[str, PointId]]
) -> Iterator[Fault]:
    """Names that no class of the profile has, almost like one that the profile lacks, and that no equipment reads.

    Other points beyond the classes are no mistake: makers offer more than a class asks for. Nor are those of one of
    several channels (`retention_3`, `d1_trouble`), which the site binds one by one.
    """
    models = {row.value.id: row.value.profile for row in site.devices}
    read = (point.partition(".") for points in bindings.values() for point in points.values())
    bound = {(models[owner], name) for owner, _, name in read if owner in models}  # read by name: meant as written
    for name, profile in catalogue.profiles.items():
        document = catalogue.profile_documents[name]
        section = "registers" if profile.modbus is not None else "fields"
        for class_, point, meant in _slips(profile, catalogue.class_points):
            if (name, point) not in bound:
                yield document.fault("profile_misspelt", (section, point), meant, point=point, class_=class_)


def _slips(profile: Profile, points: Mapping[str, Mapping[str, ClassPoint]]) -> Iterator[tuple[str, str, str]]:
    """(class, name, what was probably meant)."""
    own = set(point_names(profile))
    served = {name for class_ in profile.classes for name in points.get(class_, ())}
    for name in profile.points:
        if name in served:
            continue
        for class_ in profile.classes:
            lacking = [one for one in points.get(class_, ()) if one not in own]
            meant = next(iter(get_close_matches(name, lacking, n=1, cutoff=ALIKE)), None)
            if meant is not None and not _is_channel(name, meant):
                yield class_, name, meant
                break


def _is_channel(name: str, meant: str) -> bool:
    """Whether it is the same point of one of several: with a number behind it, or a channel before it."""
    return bool(re.fullmatch(rf"{re.escape(meant)}_\d+|[a-z]\w*\d_{re.escape(meant)}", name))
