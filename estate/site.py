"""A site, whole and checked: the only way from a folder of files to data. Every mistake carries file and line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from estate.errors import ConfigError, Fault, Unparsed
from estate.folder import Box, SiteFolder, read_folder
from estate.installation import Bus, Device, Equipment, MapPlace, Scale
from estate.outline import Broker, Console, History, Outline, Plan
from estate.people import Household, Resident, Role, User
from estate.references import check_references
from estate.strict import Text
from estate.timetable import Timetable
from estate.tours import Tour
from estate.wording import fault

__all__ = [
    "Broker",
    "Bus",
    "Console",
    "Device",
    "Equipment",
    "History",
    "Household",
    "MapPlace",
    "Outline",
    "Plan",
    "Resident",
    "Role",
    "Scale",
    "Site",
    "Text",
    "Tour",
    "User",
    "compose_site",
    "load_site",
    "read_site",
]


class Site(Outline):
    """What site.yaml says, and all the other files with it. `rules` is rules.yaml as plain data, `plan_boxes`
    are the viewBoxes of its drawings by the id of the plan."""

    devices: tuple[Device, ...]
    equipment: tuple[Equipment, ...]
    users: tuple[User, ...] = ()
    households: tuple[Household, ...] = ()
    tours: tuple[Tour, ...] = ()
    timetables: tuple[Timetable, ...] = ()
    rules: Mapping[str, Any] = {}
    procedures: Mapping[str, Path] = {}
    plan_boxes: Mapping[str, Box] = {}
    folder: Path


def read_site(folder: Path) -> SiteFolder:
    """The folder with its rows' places and all faults of the site itself.

    Raises ConfigError without a folder, and with what cannot be parsed: then that alone is told, as rows that are not
    known make a fault of everything that names them.
    """
    if not folder.is_dir():
        raise ConfigError([fault("folder_missing", str(folder), 1, name=folder)])
    files = read_folder(folder)
    unparsed = [one for one in files.faults if isinstance(one, Unparsed)]
    if unparsed:
        raise ConfigError(in_order(unparsed))
    files.faults.extend(check_references(files))
    return files


def compose_site(files: SiteFolder) -> Site:
    """The site of a folder without faults. Raises ConfigError with every fault, in order of file and line."""
    outline = files.outline
    if files.faults or outline is None:
        raise ConfigError(in_order(files.faults))
    return Site(
        **{name: getattr(outline, name) for name in Outline.model_fields},
        devices=files.devices.values,
        equipment=files.equipment.values,
        users=files.users.values,
        households=files.households.values,
        tours=files.tours.values,
        timetables=files.timetables.values,
        rules=files.rules.data if files.rules is not None else {},
        procedures=files.procedures,
        plan_boxes=files.plan_boxes,
        folder=files.path,
    )


def load_site(folder: Path) -> Site:
    """Raises ConfigError with every fault of every file. Profiles and classes are checked by daemon.assembly."""
    return compose_site(read_site(folder))


def in_order(faults: Sequence[Fault]) -> list[Fault]:
    return sorted(dict.fromkeys(faults), key=lambda found: (found.file, found.line, found.en))
