"""Writes docs/requirements.md from the tests: which test proves which requirement. `python -m tests.traceability`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "requirements.md"
SYSTEMS = "HH PE AC IC CC PK GT EL FR PW LT WS WF DR HV RM MT CR"
ID = re.compile(rf"\b((?:{SYSTEMS.replace(' ', '|')})-\d+)\b")
HEAD = """\
# Requirements and their tests

Generated from the tests by `python -m tests.traceability`; a test fails when this page is out of date.
A requirement that is not listed has no test yet.

| requirement | test | what it shows |
|---|---|---|
"""


def proofs() -> Iterator[tuple[str, str, str]]:
    """(requirement, test, first line of its docstring or its name as a sentence), sorted."""
    found = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
                continue
            words = ast.get_docstring(node) or ""
            name = f"{path.relative_to(ROOT)}::{node.name}"
            sentence = ID.sub("", words.split("\n")[0]).strip(" ,:.") or node.name[5:].replace("_", " ")
            for one in ID.findall(words) + ID.findall(node.name.upper().replace("_", "-")):
                found.add((one, name, sentence))
    order = SYSTEMS.split()
    return iter(sorted(found, key=lambda row: (order.index(row[0][:2]), int(row[0][3:]), row[1])))


def table() -> str:
    return HEAD + "".join(f"| {one} | `{name}` | {sentence} |\n" for one, name, sentence in proofs())


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
