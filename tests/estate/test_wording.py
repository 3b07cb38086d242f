"""The catalogue of mistakes: both languages say the same, and every code in the program has its words."""

import re
from pathlib import Path

import pytest

from estate.wording import catalogue

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("code", catalogue())
def test_both_languages_fill_in_the_same_places(code: str) -> None:
    zh, en = (set(re.findall(r"\{(\w+)\}", catalogue()[code][language])) for language in ("zh", "en"))
    assert zh == en


def test_every_code_used_has_its_words_and_none_is_left_over() -> None:
    source = "\n".join(
        file.read_text("utf-8") for folder in ("estate", "daemon") for file in (ROOT / folder).rglob("*.py")
    )
    used = set(re.findall(r'\bfault\(\s*"(\w+)"', source))
    assert used <= set(catalogue())
    pydantic_types = {"string_type", "string_too_short", "string_too_long", "bool_type", "int_type", "int_from_float",
                      "float_type", "tuple_type", "dict_type", "model_type"}  # fmt: skip
    mentioned = {code for code in catalogue() if f'"{code}"' in source}
    assert set(catalogue()) - mentioned - pydantic_types == set()
