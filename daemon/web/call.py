"""A request that was let in: who asks, and what is asked, in the form the route wants or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from daemon.web.console_names import ConsoleNames
from daemon.web.gate import MARK
from daemon.web.said import ConsoleName
from daemon.web.sessions import Session

_CONSOLE: TypeAdapter[str] = TypeAdapter(ConsoleName)
Model = TypeVar("Model", bound=BaseModel)
Choice = TypeVar("Choice", bound=StrEnum)
YEARS = range(1990, 2200)
"""Times of other years are nobody's; near the ends of the calendar, sums and time zones fail."""


def _in_utc(moment: datetime) -> datetime:
    _of_these_years(moment)
    return moment.astimezone(UTC)


def _of_these_years(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"not of the years {YEARS.start} to {YEARS.stop - 1}")
    return day


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, as UTC."""
Day = Annotated[date, AfterValidator(_of_these_years)]


class Asked(BaseModel):
    """A body: JSON of exactly these keys and types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Query(BaseModel):
    """A query string: text that reads as these types. Keys that are not named here mean nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class NotUnderstood(Exception):
    """What was asked does not fit the route's model; answered with 422 and every fault."""

    def __init__(self, where: str, error: ValidationError) -> None:
        super().__init__(f"{error.error_count()} faults in the {where}")
        # what was sent may be a password: faults name the key, never the value
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        self.faults = [{"type": one["type"], "loc": [where, *one["loc"]], "msg": one["msg"]} for one in faults]


@dataclass(frozen=True, slots=True)
class Call:
    """What the handler of a route is given. A question of the wrong form raises the exception that answers it."""

    request: Request
    admitted: Session | None
    names: ConsoleNames

    @property
    def session(self) -> Session:
        if self.admitted is None:
            raise LookupError("a public route has no session")
        return self.admitted

    @property
    def console(self) -> str:
        """The console's name from the mark every command carries; the gate has refused those without. One under
        which another session has a window open is recorded as its own (ConsoleNames)."""
        try:
            said = _CONSOLE.validate_python(self.request.headers[MARK])
        except ValidationError:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"{MARK} is not a console's name") from None
        return said if self.admitted is None else self.names.known_as(said, self.admitted)

    @property
    def address(self) -> str:
        """Of the browser, as the site's proxy says where there is one; nothing but an address."""
        try:
            return str(ip_address(self.request.client.host if self.request.client else ""))
        except ValueError:
            return "unknown"

    @property
    def path(self) -> Mapping[str, str]:
        """The parts that are in braces in the route's path."""
        return self.request.path_params

    def chosen(self, part: str, among: Iterable[Choice]) -> Choice:
        """A part of the path that is one of a few words."""
        for one in among:
            if one.value == self.path[part]:
                return one
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"no such {part}")

    def query(self, model: type[Model]) -> Model:
        try:
            return model.model_validate(dict(self.request.query_params))
        except ValidationError as error:
            raise NotUnderstood("query", error) from None

    async def body(self, model: type[Model]) -> Model:
        """JSON, and said to be: the form of a foreign page cannot say that. The gate bounds its size and its time."""
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "not application/json")
        try:
            return model.model_validate_json(await self.request.body())
        except ValidationError as error:
            raise NotUnderstood("body", error) from None
        except ClientDisconnect:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the body did not come") from None
