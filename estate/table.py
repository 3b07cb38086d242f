"""Spreadsheet rows as a document: a header of dotted keys, one row per thing, the line of every row.

`name.zh,name.en,parameters.high` give nested mappings; an empty cell is an absent key. A cell becomes a
number or true/false only where the model wants one, so that room 0301 stays a text.
"""

import csv
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from estate.document import Document, Loc, read_text, scalar
from estate.errors import Fault
from estate.validation import annotation_at
from estate.wording import fault


def read_csv(path: Path, kind: type[BaseModel]) -> Document:
    """The rows as a list of mappings for `kind`. Never raises for a faulty file."""
    text, faults = read_text(path)
    if faults:
        return Document(str(path), None, {}, tuple(faults), frozenset({()}))
    return parse_csv(text, str(path), kind)


def parse_csv(text: str, file: str, kind: type[BaseModel]) -> Document:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    faults: list[Fault] = []
    lines: dict[Loc, int] = {(): 1}
    rows: list[dict[str, Any]] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not any(header):
            return Document(file, None, {}, (fault("file_empty", file, 1),), frozenset({()}))
        faults += _check_header(header, file)
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                faults.append(fault("csv_wide", file, line, cells=len(cells), columns=len(header)))
            _add_row(rows, lines, dict(zip(header, cells, strict=False)), line, kind)
    except csv.Error as error:
        faults.append(fault("csv_syntax", file, max(reader.line_num, 1), problem=error))
    return Document(file, rows, lines, tuple(faults))


def _check_header(header: list[str], file: str) -> list[Fault]:
    faults = [fault("csv_no_name", file, 1, column=n) for n, name in enumerate(header, 1) if not name]
    doubled = {name for name in header if name and header.count(name) > 1}
    faults += [fault("csv_doubled", file, 1, key=name) for name in sorted(doubled)]
    parents = {name for name in header if name and any(other.startswith(f"{name}.") for other in header)}
    return faults + [fault("csv_both", file, 1, key=name) for name in sorted(parents)]


def _add_row(rows: list[dict[str, Any]], lines: dict[Loc, int], cells: dict[str, str], line: int, kind: Any) -> None:
    row: dict[str, Any] = {}
    lines[(len(rows),)] = line
    for name, cell in cells.items():
        content = cell.strip()
        if not content or not name:
            continue
        *outer, last = name.split(".")
        inside = row
        for step in outer:
            following = inside.setdefault(step, {})
            if not isinstance(following, dict):  # a column `name` beside `name.zh`, which has been told
                following = inside[step] = {}
            inside = following
        inside[last] = content if _wanted(kind, name) is str else scalar(content)
    rows.append(row)


@lru_cache(maxsize=1024)
def _wanted(kind: type[BaseModel], column: str) -> Any:
    """The type that the cells of a column become."""
    return annotation_at(kind, column.split("."))
