"""What came of it: alarms and events as the journal has them, points as the desk has them."""

from datetime import UTC, datetime
from typing import Any

from tests.system.estate import Estate

LIMIT = 2.0  # s, requirement CR-1
PATIENCE = 20.0  # s for what is judged by its times in the journal, on a machine that may be busy


def good(whole: Estate) -> dict[str, Any]:
    """Every point with a good value. Blocks."""
    _, snapshot = whole.signed_in().ask("GET", "/api/snapshot")
    return {point["id"]: point["v"] for point in snapshot["data"]["points"] if point["q"] == "good"}


async def raised(whole: Estate, target: str, fault: str, alarm: str, *texts: str, delay: float = 0.0, heal: bool = True,
                 **details: Any) -> None:  # fmt: skip
    """A fault raises its alarm with its words, decided within LIMIT and the rule's `delay` of the device's own time."""
    before = datetime.now(UTC)
    await whole.controls.fault(target, fault, **details)
    row = await since(whole, alarm, before)
    said = datetime.fromisoformat(row["device_time"]) if row["device_time"] else before
    assert (datetime.fromisoformat(row["decided"]) - said).total_seconds() <= LIMIT + delay
    for text in texts:
        assert text in row["text_zh"]
    if heal:
        await whole.controls.heal(target, fault)


async def since(whole: Estate, alarm: str, before: datetime, trigger: str = "raise", within: float = PATIENCE) -> Any:
    query = "SELECT * FROM transition WHERE alarm = ? AND trigger LIKE ? AND decided >= ? ORDER BY position LIMIT 1"
    found = await whole.until(
        lambda: whole.rows(query, alarm, f"{trigger}%", before.isoformat()), f"{alarm} {trigger}", within
    )
    return found[0]


async def event(whole: Estate, device: str, kind: str, *facts: str) -> Any:
    """The newest event of this kind of a device that holds these words."""
    query = "SELECT * FROM event WHERE device = ? AND type = ? ORDER BY position DESC"

    def found() -> list[Any]:
        return [row for row in whole.rows(query, device, kind) if all(fact in row["data"] for fact in facts)]

    return (await whole.until(found, f"{device} {kind} {facts}", PATIENCE))[0]
