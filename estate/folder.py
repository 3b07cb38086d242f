"""A site folder as read: valid rows, the place of each, every id written even in a broken row, and all faults."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from estate.document import Document, Loc, read_text, read_yaml
from estate.errors import Fault
from estate.installation import Device, Equipment
from estate.outline import Outline
from estate.people import Household, User
from estate.story import Story
from estate.strict import Strict
from estate.table import read_csv
from estate.timetable import Timetable
from estate.tours import Tour
from estate.validation import validate
from estate.wording import fault

Item = TypeVar("Item", bound=Strict)
AnyStory = TypeVar("AnyStory", bound=Story)
Box = tuple[float, float, float, float]
"""A drawing's viewBox: left, top, width, height."""

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_VIEW_BOX = re.compile(rf"<svg\b[^>]*?\bviewBox\s*=\s*[\"']\s*{_NUMBER}[\s,]+{_NUMBER}[\s,]+{_NUMBER}[\s,]+{_NUMBER}")


@dataclass(frozen=True, slots=True)
class Placed(Generic[Item]):
    """A row and where it stands."""

    value: Item
    document: Document
    loc: Loc

    def fault(self, code: str, *path: str | int, near: str | None = None, **values: object) -> Fault:
        return self.document.fault(code, (*self.loc, *path), near, **values)


@dataclass(slots=True)
class Rows(Generic[Item]):
    """All rows of one kind. `ids` also holds those of rows that are wrong, so that one mistake is told once."""

    valid: list[Placed[Item]] = field(default_factory=list)
    ids: dict[str, tuple[Document, Loc]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Placed[Item]]:
        return iter(self.valid)

    @property
    def values(self) -> tuple[Item, ...]:
        return tuple(row.value for row in self.valid)

    def by_id(self) -> Mapping[str, Placed[Item]]:
        return {str(row.document.at((*row.loc, "id"))): row for row in self.valid}


@dataclass(slots=True)
class SiteFolder:
    """Everything in the folder, as far as it could be read. `plan_boxes` holds the drawings that exist."""

    path: Path
    outline: Outline | None
    site_file: Document
    devices: Rows[Device]
    equipment: Rows[Equipment]
    users: Rows[User]
    households: Rows[Household]
    tours: Rows[Tour]
    timetables: Rows[Timetable]
    rules: Document | None
    stories: Sequence[Placed[Story]]
    procedures: Mapping[str, Path]
    plan_boxes: Mapping[str, Box]
    faults: list[Fault]

    def written_ids(self, key: str) -> set[str]:
        """The ids under `buses` or `plans` of site.yaml, whether or not their entries are right."""
        return {name for name, _ in _ids(self.site_file, (key,))}


def read_folder(path: Path) -> SiteFolder:
    """Never raises for a faulty folder: see `faults`."""
    faults: list[Fault] = []
    site_file = read_yaml(path / "site.yaml")
    faults += site_file.faults
    outline = None
    if site_file.data is not None and () not in site_file.spoiled:
        outline, found = validate(site_file, Outline)
        faults += found
    for key in ("buses", "gateways", "plans"):
        faults += _doubled(site_file, (key,), {})
    rules = _optional(path / "rules.yaml", faults)
    return SiteFolder(
        path=path,
        outline=outline,
        site_file=site_file,
        devices=_read_rows(path, "devices", Device, faults, required=True),
        equipment=_read_rows(path, "equipment", Equipment, faults, required=True),
        users=_read_rows(path, "people", User, faults),
        households=_read_rows(path, "households", Household, faults),
        tours=_read_rows(path, "tours", Tour, faults),
        timetables=_read_rows(path, "timetables", Timetable, faults),
        rules=rules,
        stories=_read_stories(path / "tests", faults),
        procedures=_read_procedures(path / "procedures", faults),
        plan_boxes=_read_plans(path, site_file, faults),
        faults=faults,
    )


def _optional(path: Path, faults: list[Fault]) -> Document | None:
    if not path.exists():
        return None
    document = read_yaml(path)
    faults += document.faults
    return document


def _read_rows(path: Path, stem: str, kind: type[Item], faults: list[Fault], required: bool = False) -> Rows[Item]:
    """YAML and CSV of one name are read one after the other, as one list."""
    rows = Rows[Item]()
    table, sheet = path / f"{stem}.yaml", path / f"{stem}.csv"
    if required and not table.exists() and not sheet.exists():
        faults.append(fault("file_missing", str(table), 1, name=f"{stem}.yaml / {stem}.csv"))
    for document in (
        *((read_yaml(table),) if table.exists() else ()),
        *((read_csv(sheet, kind),) if sheet.exists() else ()),
    ):
        faults += document.faults
        if () in document.spoiled:
            continue
        if not isinstance(document.data, list):
            faults.append(document.fault("list_expected", ()))
            continue
        faults += _doubled(document, (), rows.ids)
        for index in range(len(document.data)):
            value, found = validate(document, kind, (index,))
            faults += found
            if value is not None and rows.ids.get(document.data[index]["id"]) == (document, (index,)):
                rows.valid.append(Placed(value, document, (index,)))
    return rows


def _ids(document: Document, base: Loc) -> list[tuple[str, Loc]]:
    try:
        entries = document.at(base)
    except (KeyError, TypeError):
        return []
    if not isinstance(entries, list):
        return []
    return [
        (entry["id"], (*base, index))
        for index, entry in enumerate(entries)
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]


def _doubled(document: Document, base: Loc, seen: dict[str, tuple[Document, Loc]]) -> list[Fault]:
    """Notes every id in `seen`, and says which were there before."""
    faults = []
    for name, loc in _ids(document, base):
        first = seen.setdefault(name, (document, loc))
        if first != (document, loc):
            where, at = first
            line = where.line((*at, "id"))
            faults.append(document.fault("id_twice", (*loc, "id"), id=name, where=Path(where.file).name, first=line))
    return faults


def _read_stories(path: Path, faults: list[Fault]) -> list[Placed[Story]]:
    stories = []
    files = sorted(path.glob("*.yaml")) if path.is_dir() else []
    if path.is_dir() and not files:
        faults.append(fault("no_story", str(path), 1))
    for file in files:
        stories += read_stories(file, Story, faults)
    return stories


def read_stories(file: Path, kind: type[AnyStory], faults: list[Fault]) -> list[Placed[AnyStory]]:
    """The stories of one file, which holds a story or a list of them."""
    document = read_yaml(file)
    faults += document.faults
    if () in document.spoiled:
        return []
    stories = []
    places: list[Loc] = [(index,) for index in range(len(document.data))] if isinstance(document.data, list) else [()]
    for place in places:
        story, found = validate(document, kind, place)
        faults += found
        if story is not None:
            stories.append(Placed(story, document, place))
    return stories


def _read_procedures(path: Path, faults: list[Fault]) -> Mapping[str, Path]:
    files = sorted(path.glob("*.md")) if path.is_dir() else []
    if path.is_dir() and not files:
        faults.append(fault("no_procedure", str(path), 1))
    for file in files:
        text, found = read_text(file)
        faults += found
        if not found and not text.lstrip().startswith("# "):
            faults.append(fault("procedure_heading", str(file), 1))
    return {file.stem: file for file in files}


def _read_plans(path: Path, site_file: Document, faults: list[Fault]) -> Mapping[str, Box]:
    boxes: dict[str, Box] = {}
    for name, loc in _ids(site_file, ("plans",)):
        file = site_file.at(loc).get("file")
        if not isinstance(file, str) or not file.startswith("maps/") or ".." in file:
            continue
        if not (path / file).is_file():
            faults.append(site_file.fault("file_missing", (*loc, "file"), name=file))
            continue
        text, found = read_text(path / file)
        faults += found
        match = _VIEW_BOX.search(text)
        if match is not None:
            left, top, width, height = (float(number) for number in match.groups())
            boxes[name] = (left, top, width, height)
        elif not found:
            faults.append(fault("plan_not_svg", str(path / file), 1, name=file))
    return boxes
