"""A hundred broken copies of the example site: each is refused with file and line, none crashes the check."""

import csv
import io
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from daemon.assembly import check
from estate.document import read_yaml
from estate.installation import Device, Equipment
from estate.outline import Outline
from estate.people import Household, User
from estate.validation import annotation_at

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"
MODELS: dict[str, type[BaseModel]] = {
    "site.yaml": Outline,
    "devices.yaml": Device,
    "equipment.yaml": Equipment,
    "people.yaml": User,
    "households.yaml": Household,
}
REQUIRED_CELLS = {
    "devices.csv": ("id", "profile", "name.zh", "name.en"),
    "equipment.csv": ("id", "class", "number", "name.zh", "name.en", "place.zh", "place.en"),
}

Mutation = Callable[[random.Random, Path], str]


def places(value: Any, kind: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Every (mapping, key, model or None of the mapping) in a file's data."""
    if isinstance(value, list):
        for item in value:
            yield from places(item, kind)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield value, key, kind
            below = annotation_at(kind, (key,)) if kind is not None else None
            if isinstance(inner, list) and below is not None:
                below = annotation_at(kind, (key, 0))
            yield from places(inner, below if isinstance(below, type) and issubclass(below, BaseModel) else None)


def is_required(kind: Any, key: str) -> bool:
    return kind is not None and any(
        info.is_required() and key == (info.validation_alias or name) for name, info in kind.model_fields.items()
    )


def rewritten(name: str, change: Callable[[Any], str], folder: Path) -> str:
    data = read_yaml(folder / name).data
    what = change(data)
    (folder / name).write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    return f"{name}: {what}"


def drop_a_required_key(chance: random.Random, folder: Path) -> str:
    name = chance.choice(list(MODELS))

    def change(data: Any) -> str:
        found = [(at, key) for at, key, kind in places(data, MODELS[name]) if is_required(kind, key)]
        at, key = chance.choice(found)
        del at[key]
        return f"without {key}"

    return rewritten(name, change, folder)


def change_a_type(chance: random.Random, folder: Path) -> str:
    name = chance.choice(list(MODELS))

    def change(data: Any) -> str:
        at, key, _ = chance.choice(list(places(data, MODELS[name])))
        at[key] = chance.choice([[[1]], {"a": {"b": 1}}])
        return f"{key} is {at[key]}"

    return rewritten(name, change, folder)


def double_an_id(chance: random.Random, folder: Path) -> str:
    name = chance.choice([name for name in MODELS if name != "site.yaml"])

    def change(data: Any) -> str:
        data.append(chance.choice(data))
        return f"twice {data[-1]['id']}"

    return rewritten(name, change, folder)


def add_an_unknown_key(chance: random.Random, folder: Path) -> str:
    name = chance.choice(list(MODELS))

    def change(data: Any) -> str:
        at, key, _ = chance.choice(list(places(data, MODELS[name])))
        at[f"{key}x"] = "x"
        return f"with {key}x"

    return rewritten(name, change, folder)


def spoil_a_row(chance: random.Random, folder: Path) -> str:
    name = chance.choice(list(REQUIRED_CELLS))
    rows = list(csv.DictReader(io.StringIO((folder / name).read_text("utf-8"))))
    columns = list(rows[0])
    row = chance.choice(rows)
    match chance.choice(["empty", "twice", "renamed", "word"]):
        case "empty":
            column = chance.choice(REQUIRED_CELLS[name])
            row[column] = ""
            what = f"{row['id']} without {column}"
        case "twice":
            rows.append(row)
            what = f"twice {row['id']}"
        case "renamed":
            column = chance.choice(REQUIRED_CELLS[name])
            columns[columns.index(column)] = f"{column}x"
            for each in rows:
                each[f"{column}x"] = each.pop(column)
            what = f"column {column}x"
        case _:
            column = "map.x" if "map.x" in columns else "profile"
            row[column] = "there is none such"
            what = f"{row['id']} has {column} {row[column]}"
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / name).write_text(out.getvalue(), "utf-8")
    return f"{name}: {what}"


MUTATIONS: tuple[Mutation, ...] = (
    drop_a_required_key,
    change_a_type,
    double_an_id,
    add_an_unknown_key,
    spoil_a_row,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_twenty_copies_with_such_a_mistake_are_all_refused_with_file_and_line(
    mutation: Mutation, tmp_path: Path
) -> None:
    for seed in range(20):
        folder = tmp_path / f"{seed}"
        shutil.copytree(RIVERSIDE, folder)
        what = mutation(random.Random(f"{mutation.__name__} {seed}"), folder)
        found = check(folder)
        assert found, f"seed {seed}: {what} went unnoticed"
        for fault in found:
            file = Path(fault.file)
            assert folder in file.parents, fault
            assert file.is_file(), fault
            assert 1 <= fault.line <= len(file.read_text("utf-8").splitlines()), fault


def test_no_corrupted_character_crashes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(RIVERSIDE, folder)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    for seed in range(40):
        chance = random.Random(seed)
        file = chance.choice(files)
        sound = file.read_bytes()
        spoiled = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            spoiled[chance.randrange(len(spoiled))] = chance.choice(b"\x00\xff\n\t:-[{\"'&*!,#%A7 ")
        file.write_bytes(bytes(spoiled))
        assert all(fault.line >= 1 for fault in check(folder))
        file.write_bytes(sound)
