"""Alarm texts: templates with {place}, {name}, {number}, parameters and points such as {level:.2f}."""

from collections.abc import Callable, Iterator, Mapping
from string import Formatter

from rules.evaluation import Slots

UNKNOWN = "—"
"""Stands where a value is not good: operators must never read a number that nobody vouches for."""

PLACES = ("place", "name", "number")


class TemplateError(ValueError):
    """A template that cannot be filled in; its words are `rule_<code>` in rules/messages.yaml."""

    def __init__(self, code: str, word: str) -> None:
        super().__init__(f"{code.replace('_', ' ')}: {word}")
        self.code = code
        self.word = word


def fields(template: str) -> Iterator[tuple[str, str, str]]:
    """(text before, field, format) of each piece; the last has no field. Raises TemplateError."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise TemplateError("broken_template", template) from error
    for before, field, form, conversion in pieces:
        if field is not None and (conversion or not field.isidentifier() or "{" in (form or "")):
            raise TemplateError("broken_template", field)
        yield before, field or "", form or ""


def check_template(template: str, numbers: frozenset[str], words: frozenset[str]) -> None:
    """Raises TemplateError for a field that is neither a number nor a word here, or a format that does not fit."""
    for _, field, form in fields(template):
        if field and field not in numbers and field not in words:
            raise TemplateError("unknown_field", field)
        try:
            format(0.0 if field in numbers else "", form)
        except ValueError as error:
            raise TemplateError("broken_format", f"{field}:{form}") from error


Render = Callable[[Slots], str]


def compile_template(template: str, known: Mapping[str, object], places: Mapping[str, int]) -> Render:
    """The template as a function of current values. `known` never changes and is filled in now.

    A field that is neither known nor has a place is a point this equipment does not have.
    """
    pieces: list[tuple[str, int, str]] = []
    text = ""
    for before, field, form in fields(template):
        text += before
        if field in places:
            pieces.append((text, places[field], form))
            text = ""
        elif field:
            text += format(known[field], form) if field in known else UNKNOWN
    if not pieces:
        fixed = _tidy(text)
        return lambda values: fixed
    last = text

    def render(values: Slots) -> str:
        parts = []
        for before, place, form in pieces:
            value = values[place]
            parts.append(before)
            parts.append(UNKNOWN if value is None else format(value, form))
        parts.append(last)
        return _tidy("".join(parts))

    return render


def _tidy(text: str) -> str:
    """No doubled spaces or leading comma where a place or a number is empty."""
    return " ".join(text.split()).lstrip(" ,")
