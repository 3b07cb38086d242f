"""What a console may say over the stream, and nothing else."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

ConsoleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Count = Annotated[int, Field(ge=0, le=2**53)]
AlarmName = Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Hello(_Said):
    """The first message: who it is and what it has already. `boot` is the run its `last_seq` counts in."""

    kind: Literal["hello"]
    console: ConsoleName
    last_seq: Count | None = None
    boot: Annotated[str, Field(max_length=32)] = ""


class Seen(_Said):
    """Every second and after each frame: the page's own thread has worked through all up to `seq`."""

    kind: Literal["seen"]
    seq: Count


class Perceived(_Said):
    """Rows painted ("shown") or tones running ("sounded"): pairs of alarm and occurrence.

    `prompt` is false for rows that were out of sight when they came: seen now, but no measure of our speed.
    """

    kind: Literal["shown", "sounded"]
    prompt: bool = True
    alarms: Annotated[list[tuple[AlarmName, Count]], Field(min_length=1, max_length=100)]


class Sound(_Said):
    """Whether the console can be heard at all."""

    kind: Literal["sound"]
    state: Literal["running", "suspended", "silent"]


class Resync(_Said):
    """The console found a gap and wants everything again."""

    kind: Literal["resync"]


Said = Annotated[Hello | Seen | Perceived | Sound | Resync, Field(discriminator="kind")]
said: TypeAdapter[Said] = TypeAdapter(Said)
