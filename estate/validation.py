"""Checks part of a document against a model and says every mistake with its line, in the engineer's words."""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from estate.document import Document, Loc
from estate.errors import Fault
from estate.wording import Catalogue, catalogue, fault, nearest, some, told

Model = TypeVar("Model", bound=BaseModel)


def validate(
    document: Document, kind: type[Model], loc: Loc = (), words: Catalogue | None = None
) -> tuple[Model | None, list[Fault]]:
    """The value at `loc` as a model, or None and what is wrong. Places the loader already refused stay unmentioned.

    Strict JSON rules apply: a list serves a tuple and a word an enum, and nothing else is converted. `words`
    are the texts of mistakes that the model itself finds and this module does not know.
    """
    try:
        value = kind.model_validate_json(json.dumps(document.at(loc)))
    except ValidationError as error:
        faults = [_translate(document, kind, loc, detail, words or {}) for detail in error.errors(include_url=False)]
        return None, list(dict.fromkeys(found for found in faults if found is not None))
    return (None, []) if _is_spoiled(document, loc) else (value, [])


def _is_spoiled(document: Document, loc: Loc) -> bool:
    return any(place[: len(loc)] == loc or loc[: len(place)] == place for place in document.spoiled)


def _translate(
    document: Document, kind: type[BaseModel], base: Loc, detail: ErrorDetails, words: Catalogue
) -> Fault | None:
    said_at = detail.get("ctx", {}).get("at", ())
    place, value = _place(document, base, (*detail["loc"], *said_at))
    if any(place[: len(spoiled)] == spoiled for spoiled in document.spoiled):
        return None
    line = document.line(place)
    key = str(detail["loc"][-1]) if detail["loc"] else str(base[-1]) if base else ""
    what = ".".join(str(step) for step in place[len(base) :]) or key
    context: Mapping[str, Any] = detail.get("ctx", {})
    known = {"what": what, "value": _shown(value), "key": key}
    if detail["type"] in words:
        return told(document.file, line, words[detail["type"]], {**known, **context})
    match detail["type"]:
        case "missing":
            wanted = ".".join((*(str(step) for step in place[len(base) :]), key))
            return fault("missing", document.file, line, what=wanted)
        case "extra_forbidden":
            names = fields_of(annotation_at(kind, place[len(base) : -1]))
            near = nearest(key, names)
            return fault("unknown_key", document.file, line, near, key=what, known=some(names))
        case "literal_error" | "enum":
            expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
            near = nearest(str(value), expected.split(", "))
            return fault("not_one_of", document.file, line, near, **known, expected=expected)
        case "string_pattern_mismatch":
            pattern = str(context["pattern"])
            return fault(_pattern_code(pattern), document.file, line, **known, pattern=pattern)
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as code:
            limit = next(iter(context.values()))
            return fault(code, document.file, line, **known, limit=limit)
        case "value_error" | "misfit":
            problem = context["error"] if "error" in context else context["problem"]
            return fault("misfit", document.file, line, what=what or Path(document.file).name, problem=problem)
        case "string_type" if isinstance(value, bool | int | float):
            return fault("number_for_text", document.file, line, **known)
        case "bool_type" | "bool_parsing" if str(value).lower() in ("yes", "no", "on", "off", "y", "n"):
            return fault("word_for_bool", document.file, line, **known)
        case "int_type" | "float_type" | "int_parsing" | "float_parsing" if isinstance(value, str) and ":" in value:
            return fault("clock_for_number", document.file, line, **known)
        case code if code in catalogue():
            return fault(code, document.file, line, **known)
        case _:
            return fault("invalid", document.file, line, **known, problem=detail["msg"])


def _pattern_code(pattern: str) -> str:
    if pattern.startswith("^[a-z0-9][a-z0-9_-]"):
        return "bad_path" if r"\." in pattern else "bad_id"
    return "bad_form"


def _place(document: Document, base: Loc, loc: Loc) -> tuple[Loc, Any]:
    """The place in the document a validation error speaks of: its own markers (union members, `[key]`) left out."""
    place, value = base, document.at(base)
    for step in loc:
        match value:
            case dict() if step in value:
                place, value = (*place, step), value[step]
            case list() if isinstance(step, int) and step < len(value):
                place, value = (*place, step), value[step]
            case _:
                pass
    return place, value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def annotation_at(kind: Any, path: Sequence[str | int]) -> Any:
    """The declared type at a path inside a model (None where there is none): what a table cell must become."""
    for step in path:
        kind = _inside(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = next((info.annotation for name, info in _fields(kind) if name == step), None)
        elif typing.get_origin(kind) is not None:
            kind = typing.get_args(kind)[1 if issubclass(typing.get_origin(kind), Mapping) else 0]
        else:
            return None
    return _inside(kind)


def _inside(kind: Any) -> Any:
    """The type without Annotated and `| None`."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return _inside(members[0])
    return kind


def _fields(kind: type[BaseModel]) -> list[tuple[str, Any]]:
    return [
        (info.validation_alias if isinstance(info.validation_alias, str) else info.alias or name, info)
        for name, info in kind.model_fields.items()
    ]


def fields_of(kind: Any) -> list[str]:
    return [name for name, _ in _fields(kind)] if isinstance(kind, type) and issubclass(kind, BaseModel) else []
