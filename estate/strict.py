"""What every model of a site file shares: strict, frozen, no unknown keys; ids and bilingual text."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Strict(BaseModel):
    """Read from a file: frozen, no unknown keys, no coercion. Also built by field name in Python."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
"""Goes into topics, alarm ids and addresses of the console, so it is plain ASCII without dots."""

PointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]

PointPath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}\.[a-z][a-z0-9_]{0,47}$")]
"""`device.point`, as in `lamp-relay-1.on_3`."""

Words = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Text(Strict):
    """What operators read: Chinese first, English beside it."""

    zh: Words
    en: Words

    def in_(self, language: str) -> str:
        return self.en if language == "en" else self.zh
