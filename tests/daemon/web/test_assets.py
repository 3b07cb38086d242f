"""The console's files: complete, offline, small."""

import json
import re

import yaml

from daemon.catalogue import LIBRARY
from daemon.web.assets import console_files

FILES = console_files()


def test_both_catalogues_have_the_same_keys_and_no_empty_word() -> None:
    zh, en = (json.loads(FILES[f"{language}.json"].body) for language in ("zh", "en"))
    assert zh.keys() == en.keys()
    assert all(zh.values())
    assert all(en.values())


def test_every_word_the_console_asks_for_is_in_the_catalogues() -> None:
    known = json.loads(FILES["zh.json"].body)
    for name, asset in FILES.items():
        if name.endswith(".js"):
            for key in re.findall(r"""\bt\("([a-z_. ]+)\"""", asset.body.decode()):
                assert key in known, f"{name} asks for {key}"


def test_every_word_that_a_point_of_a_stock_class_may_say_can_be_shown() -> None:
    known = json.loads(FILES["zh.json"].body)
    for file in LIBRARY.glob("*.yaml"):
        for name, point in yaml.safe_load(file.read_text("utf-8"))["points"].items():
            for value in point.get("values", ()):
                assert f"value.{value}" in known or f"value.{name}.{value}" in known, f"{file.stem}.{name}: {value}"


def test_no_chinese_is_written_into_the_code_and_nothing_comes_from_elsewhere() -> None:
    for name, asset in FILES.items():
        text = asset.body.decode()
        if name.endswith((".js", ".css", ".html")):
            assert not re.search(r"[\u4e00-\u9fff]", text.replace("Noto Sans CJK SC", "")), name
            assert not re.search(r"https?://", text), name


def test_no_way_is_used_that_turns_text_into_markup() -> None:
    for name, asset in FILES.items():
        if name.endswith(".js"):
            found = re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", asset.body.decode()
            )
            assert found is None, name


def test_every_import_names_a_file_that_is_there() -> None:
    for name, asset in FILES.items():
        if name.endswith((".js", ".mjs")):
            folder = "vendor/" if name.startswith("vendor/") else ""
            for path in re.findall(r"""from\s*"\./([^"]+)\"""", asset.body.decode()):
                assert folder + path in FILES, f"{name} imports {path}"


def test_the_page_stays_light() -> None:
    assert sum(len(asset.body) for name, asset in FILES.items() if name) < 200_000
