"""The one YAML loader: plain data with the line of every value, and every structural mistake as a fault.

Scalars follow the core schema of YAML 1.2: only true and false are booleans; `no`, `on`, `1:30`, `007`
and `2026-01-01` are texts, so that nothing turns into another type unseen. Anchored copies, tags and
deep nesting have no use in a site file and are refused; that also disarms "billion laughs".
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from estate.errors import Fault, Unparsed
from estate.wording import fault

Loc = tuple[str | int, ...]
Scalar = bool | int | float | str | None

MAX_BYTES = 1 << 20
MAX_DEPTH = 24

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One file: plain data, the line of each place in it, what is wrong with it, and the places spoiled by that."""

    file: str
    data: Any
    lines: Mapping[Loc, int]
    faults: tuple[Fault, ...] = ()
    spoiled: frozenset[Loc] = frozenset()

    def line(self, loc: Loc) -> int:
        """The line of a place, or of the nearest place around it."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def at(self, loc: Loc) -> Any:
        value = self.data
        for step in loc:
            value = value[step]
        return value

    def fault(self, code: str, loc: Loc, near: str | None = None, **values: object) -> Fault:
        return fault(code, self.file, self.line(loc), near, **values)


def scalar(text: str) -> Scalar:
    """An unquoted scalar after the core schema of YAML 1.2, §10.3; numbers with leading zeros are texts."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def read_text(path: Path) -> tuple[str, list[Fault]]:
    """The text of a file (UTF-8, with or without a mark at its start). Missing, huge or undecodable: a fault."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return "", [fault("file_missing", str(path), 1, name=path.name)]
    except OSError as error:
        return "", [fault("file_unreadable", str(path), 1, problem=error.strerror or str(error))]
    if len(raw) > MAX_BYTES:
        return "", [fault("file_huge", str(path), 1, most=MAX_BYTES >> 10)]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return "", [fault("file_encoding", str(path), raw.count(b"\n", 0, error.start) + 1)]


def read_yaml(path: Path) -> Document:
    """Never raises for a faulty file: see `Document.faults`; `data` is then what could be read."""
    text, faults = read_text(path)
    if faults:
        return Document(str(path), None, {}, tuple(faults), frozenset({()}))
    return parse_yaml(text, str(path))


def parse_yaml(text: str, file: str) -> Document:
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if builder.stopped:
                break
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        position = getattr(error, "position", None)
        line = mark.line + 1 if mark is not None else text.count("\n", 0, position or 0) + 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        found = fault("yaml_syntax", file, line, problem=problem)
        builder.faults.append(Unparsed(found.file, found.line, found.zh, found.en))
        builder.spoiled.add(())
    if builder.data is None and not builder.faults:
        builder.faults.append(fault("file_empty", file, 1))
        builder.spoiled.add(())
    return Document(file, builder.data, builder.lines, tuple(builder.faults), frozenset(builder.spoiled))


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet. `key` is None between the entries of a mapping."""

    value: dict[str, Any] | list[Any]
    loc: Loc
    key: str | None = None
    discard: bool = False


@dataclass(slots=True)
class _Builder:
    """Turns the parser's events into data without recursion, so that no nesting can exhaust the stack."""

    file: str
    data: Any = None
    lines: dict[Loc, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoiled: set[Loc] = field(default_factory=set)
    stopped: bool = False
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        match event:
            case yaml.ScalarEvent():
                self._refuse_tag(event.tag, line)
                plain = event.style is None or event.style == ""
                self._put(scalar(event.value) if plain else event.value, line, event.value)
            case yaml.AliasEvent():
                self._spoil(fault("yaml_alias", self.file, line, name=event.anchor))
                self._put(None, line, f"*{event.anchor}")
            case yaml.MappingStartEvent():
                self._refuse_tag(event.tag, line)
                self._open({}, line)
            case yaml.SequenceStartEvent():
                self._refuse_tag(event.tag, line)
                self._open([], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self.faults.append(fault("yaml_documents", self.file, line))
                    self.stopped = True
            case _:
                pass

    def _next_loc(self) -> Loc:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.loc, len(top.value) if isinstance(top.value, list) else top.key or "")

    def _spoil(self, found: Fault) -> None:
        self.faults.append(found)
        self.spoiled.add(self._next_loc())

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        if tag is not None:
            self._spoil(fault("yaml_tag", self.file, line, tag=tag.replace("tag:yaml.org,2002:", "!!")))

    def _is_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _put(self, value: Any, line: int, written: str) -> None:
        if self._is_key():
            self._take_key(written if not isinstance(value, int) or isinstance(value, bool) else str(value), line)
            return
        loc = self._next_loc()
        if not self.stack:
            self.data = value
            self.lines.setdefault(loc, line)
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            self.lines.setdefault(loc, line)
            top.value.append(value)
        elif top.key is not None:
            if not top.discard:
                top.value[top.key] = value
            top.key, top.discard = None, False

    def _take_key(self, key: str, line: int) -> None:
        top = self.stack[-1]
        loc = (*top.loc, key)
        top.key, top.discard = key, key in top.value
        if top.discard:
            self.faults.append(fault("yaml_duplicate", self.file, line, key=key, first=self.lines[loc]))
        else:
            self.lines.setdefault(loc, line)

    def _open(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if self._is_key():
            self.faults.append(fault("yaml_key", self.file, line))
            self.stopped = True
            self.spoiled.add(self.stack[-1].loc)
            return
        if len(self.stack) >= MAX_DEPTH:
            self._spoil(fault("yaml_depth", self.file, line, most=MAX_DEPTH))
            self.stopped = True
            return
        loc = self._next_loc()
        self.lines.setdefault(loc, line)
        self._attach(value)
        self.stack.append(_Open(value, loc))

    def _attach(self, value: dict[str, Any] | list[Any]) -> None:
        """A collection hangs in its parent from its start: a file cut off in the middle still shows its head."""
        if not self.stack:
            self.data = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is not None and not top.discard:
            top.value[top.key] = value

    def _close(self) -> None:
        self.stack.pop()
        if self.stack:
            self.stack[-1].key, self.stack[-1].discard = None, False
