"""What may be done to the equipment of a class: what is written, what proves it, and what has to be true before."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from estate.model import Value
from estate.strict import PointName, Strict, Text
from rules.condition import parse
from rules.kinds import Kind, Known, check, kind_of
from rules.tokens import ConditionError
from rules.tree import remembers
from rules.writing import misread, mistake

Seconds = Annotated[float, Field(gt=0, le=3600)]
LONGEST = 7 * 86400.0  # s


class ClassCommand(Strict):
    """One command. The class point `write` gets `value`; `read_back` has to become `expect` `within` so many seconds.

    Without `read_back` the written point itself is read again, without `expect` it is `value` that is expected.
    `within` may name a parameter. A `pulse` acts each time it is sent: it is never sent twice, takes no other's
    place, and without `read_back` the device's own answer is all there is to say. A command that is no pulse
    sets a level: a newer one replaces an older one that was not sent yet.

    `interlock` is a condition over the equipment's points; anything but true, unknown too, refuses the command
    with the words of `refusal`. `role` is who may give it by hand, supervisors everything; with `two_step` the
    console asks again. `ends_with` names the command that takes this one back when its time is over: that is
    after `longest` seconds if nobody says less.
    """

    name: Text
    write: PointName
    value: bool | int | float | str
    read_back: PointName | None = None
    expect: bool | int | float | str | None = None
    within: Seconds | PointName = 2.0
    pulse: bool = False
    interlock: Annotated[str, Field(max_length=500)] = ""
    refusal: Text | None = None
    role: Literal["operator", "supervisor"] = "operator"
    two_step: bool = False
    ends_with: PointName | None = None
    longest: Annotated[float, Field(gt=0, le=LONGEST)] | PointName | None = None

    @property
    def proof(self) -> Value:
        """The value that shows it was done."""
        return self.value if self.expect is None else self.expect


def faults_of_commands(commands: Mapping[str, ClassCommand], known: Known) -> Iterator[InitErrorDetails]:
    """What is wrong with the commands of a class that has these points and parameters."""
    for name, command in commands.items():
        at = ("commands", name)
        for part, point, value in (
            ("write", command.write, command.value),
            ("read_back", command.read_back or command.write, command.proof),
        ):
            kind = known.points.get(point)
            if kind is None:
                yield mistake("command_point", (*at, part), point, word=point)
            elif kind is not kind_of(value) or value not in known.values.get(point, (value,)):
                yield mistake("command_value", (*at, part), value, word=str(value), point=point)
        for part, number in (("within", command.within), ("longest", command.longest)):
            if isinstance(number, str) and known.parameters.get(number) is not Kind.NUMBER:
                yield mistake("unknown_parameter", (*at, part), number, word=number, near="")
        if command.ends_with is not None and (command.ends_with not in commands or command.longest is None):
            yield mistake("command_end", (*at, "ends_with"), command.ends_with, word=command.ends_with)
        if bool(command.interlock) != (command.refusal is not None):
            yield mistake("command_refusal", (*at, "interlock"), command.interlock, word=name)
        if command.interlock:
            yield from _interlock(command.interlock, (*at, "interlock"), known)


def _interlock(text: str, at: tuple[str, ...], known: Known) -> Iterator[InitErrorDetails]:
    try:
        tree = parse(text)
        if remembers(tree):
            raise ConditionError("interlock_over_time", tree.column)
        check(tree, known)
    except ConditionError as error:
        yield misread(error, at, text)
