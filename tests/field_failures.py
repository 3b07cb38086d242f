"""Writes docs/field-failures.md: which stock alarm finds which failure. `python -m tests.field_failures`."""

from collections import defaultdict
from pathlib import Path

from daemon.catalogue import LIBRARY, read_catalogue
from rules.rule import AlarmRule

PAGE = Path(__file__).parent.parent / "docs" / "field-failures.md"
PARTS = {
    "D.1": ("Modbus and data", [f"M{n}" for n in range(1, 20)]),
    "D.2": ("Analog sensors", [f"S{n}" for n in range(1, 8)]),
    "D.3": ("Water", [f"W{n}" for n in range(1, 19)]),
    "D.4": ("Power", [f"P{n}" for n in range(1, 16) if n != 4]),
    "D.5": ("Security", [f"E{n}" for n in range(1, 27)]),
}
LABELS = [f"{part}-{label}" for part, (_, labels) in PARTS.items() for label in labels]
ELSEWHERE = {
    "D.1-M7": "a count read half before and half after it rolled over: both words are asked for at once, and totals "
    "leave out a count that the next one takes back (`daemon/metering.py`)",
    "D.1-M10": "a refused register never asked again: it is, after a minute (`drivers/modbus/unit.py`)",
    "D.1-M14": "a sleeping device that misses the first question: one unanswered question is no alarm, three are",
    "D.1-M15": "a polled controller's own clock: it is not read; samples bear the time of this machine",
    "D.1-M16": "a device that restarts: its silence is told, and what it says first has to be said twice to count",
    "D.1-M18": "a scale that was changed on site: `estated probe` shows raw beside decoded; meters that no longer "
    "agree with their main meter are told (D.4-P13)",
    "D.1-M19": "a register map that is switched off in the device: a matter for commissioning, `estated probe`",
    "D.2-S2": "0-20 mA read as 4-20 mA: a matter for commissioning, `estated probe`",
    "D.5-E2": "one event told twice: known by device, boot and number, journaled once (`drivers/mqtt/sequence.py`)",
}
"""Failures that no alarm is made of, and what is done about them instead."""

HEAD = """\
# Failures known from the field, and the alarm that finds each

Generated from `rules/library` by `python -m tests.field_failures`; a test fails when this page is out of date, when a
failure stands neither here nor under *no alarm*, and when no story raises an alarm of it. The first column is the label
that a rule carries under `finds`; `docs/writing-rules.md` says how rules are written, the class's file says why each
limit is what it is.
"""


def findings() -> dict[str, list[tuple[str, str, AlarmRule]]]:
    """Label to (words, `class.rule`, rule), in the order of the classes."""
    names = sorted(file.stem for file in LIBRARY.glob("*.yaml"))
    found: defaultdict[str, list[tuple[str, str, AlarmRule]]] = defaultdict(list)
    for name, cls in read_catalogue(LIBRARY, (), names).classes.items():
        for rule_name, rule in cls.rules.items():
            for one in rule.finds:
                label, _, words = one.partition(": ")
                found[label].append((words, f"{name}.{rule_name}", rule))
    return found


def page() -> str:
    return HEAD + "".join(_part(*one) for one in PARTS.items()) + _elsewhere()


def _part(part: str, content: tuple[str, list[str]]) -> str:
    title, labels = content
    found = findings()
    lines = [f"\n## {title}\n\n| | failure | alarm | priority | what the operator reads |\n|---|---|---|---|---|\n"]
    for label in labels:
        for words, alarm, rule in found.get(f"{part}-{label}", ()):
            priority = rule.priority if rule.severe is None else f"{rule.priority}, {rule.severe.priority} when severe"
            lines.append(f"| {part}-{label} | {words} | `{alarm}` | {priority} | {rule.text.en} |\n")
    return "".join(lines)


def _elsewhere() -> str:
    return "\n## No alarm\n\n" + "".join(f"- {label}: {words}\n" for label, words in ELSEWHERE.items())


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
