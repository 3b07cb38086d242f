"""What the documentation says of the tests is what the tests say of themselves."""

import re
from pathlib import Path

from tests.traceability import ROOT, TABLE, table


def test_the_table_of_requirements_is_up_to_date() -> None:
    assert TABLE.read_text("utf-8") == table(), "run python -m tests.traceability"


def test_every_path_that_the_documents_name_exists() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = re.compile(r"`((?:estate|drivers|rules|daemon|simulators|tests|systemd|examples|docs)/[A-Za-z0-9_./-]+)`")
    missing = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in pages
        for path in named.findall(page.read_text("utf-8"))
        # docs/mqtt.md also names topics, which look like folders
        if not Path(ROOT / path.split("::")[0]).exists() and not (page.name == "mqtt.md" and "." not in path)
    ]
    assert missing == []
