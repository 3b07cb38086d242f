"""A site folder written out for a test, and changes of single places in it."""

from collections.abc import Callable, Mapping
from pathlib import Path

Edit = Callable[[str, str, str], None]
"""`edit(file, old, new)`: the first `old`, which must stand in the file, becomes `new`; with "" a file begins."""


def write_site(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def editing(site: Path) -> Edit:
    def edit(name: str, old: str, new: str) -> None:
        file = site / name
        text = file.read_text("utf-8") if file.exists() else ""
        assert old in text, f"{old!r} is not in {name}"
        write_site(site, {name: text.replace(old, new, 1)})

    return edit
