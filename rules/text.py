"""Alarm texts: templates with {place}, {name}, {number}, parameters and points such as {level:.2f}."""

from collections.abc import Callable, Mapping
from functools import lru_cache
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


@lru_cache(maxsize=4096)
def fields(template: str) -> tuple[tuple[str, str, str], ...]:
    """(text before, field, format) of each piece; the last has no field. Raises TemplateError."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise TemplateError("broken_template", template) from error
    for _, field, form, conversion in pieces:
        if field is not None and (conversion or not field.isidentifier() or "{" in (form or "")):
            raise TemplateError("broken_template", field)
    return tuple((before, field or "", form or "") for before, field, form, _ in pieces)


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


class Template:
    """A text as a function of current values. A site has tens of thousands, and few are ever asked.

    `names` and `parameters` never change, `places` are those of the values. A field that is none of them is
    a point this equipment does not have.
    """

    __slots__ = ("_names", "_parameters", "_places", "_template")

    def __init__(
        self, template: str, names: Mapping[str, object], parameters: Mapping[str, object], places: Mapping[str, int]
    ) -> None:
        self._template = template
        self._names = names
        self._parameters = parameters
        self._places = places

    def __call__(self, values: Slots) -> str:
        parts = []
        for before, field, form in fields(self._template):
            parts.append(before)
            if field:
                place = self._places.get(field)
                value = self._fixed(field) if place is None else values[place]
                parts.append(UNKNOWN if value is None else format(value, form))
        return _tidy("".join(parts))

    def _fixed(self, field: str) -> object:
        return self._names[field] if field in self._names else self._parameters.get(field)


def _tidy(text: str) -> str:
    """No doubled spaces or leading comma where a place or a number is empty."""
    return " ".join(text.split()).lstrip(" ,")
