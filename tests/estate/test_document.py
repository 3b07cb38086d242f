"""The YAML loader: what it reads, and what it refuses with file and line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.document import MAX_BYTES, parse_yaml, read_yaml, scalar


def faults_of(text: str) -> list[str]:
    return [fault.text() for fault in parse_yaml(text, "x.yaml").faults]


def test_every_value_knows_its_line() -> None:
    document = parse_yaml("a: 1\nb:\n  - c: 2\n    d: [3,\n      4]\n", "x.yaml")
    assert document.data == {"a": 1, "b": [{"c": 2, "d": [3, 4]}]}
    assert document.line(("b", 0, "c")) == 3
    assert document.line(("b", 0, "d", 1)) == 5
    assert document.line(("b", 0, "missing")) == 3


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("FALSE", False), ("~", None), ("12", 12), ("-3", -3), ("0x1F", 31), ("1.5", 1.5),
        ("-.5", -0.5),
        ("1e3", 1000.0), ("3.", 3.0), ("no", "no"), ("on", "on"), ("yes", "yes"), ("1:30", "1:30"), ("007", "007"),
        ("1_000", "1_000"), ("2026-01-01", "2026-01-01"), (".inf", ".inf"), (".nan", ".nan"), ("1e999", "1e999"),
        ("-", "-"), (".", "."), ("e5", "e5"), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_and_nothing_changes_type_unseen(written: str, value: object) -> None:
    assert scalar(written) == value
    assert type(scalar(written)) is type(value)


def test_quoted_scalars_are_always_texts() -> None:
    assert parse_yaml("a: '12'\nb: \"true\"\nc: |\n  5\n", "x").data == {"a": "12", "b": "true", "c": "5\n"}


def test_the_key_on_is_the_word_on() -> None:
    assert parse_yaml("on: relay.on_1\n", "x").data == {"on": "relay.on_1"}


def test_a_doubled_key_is_a_fault_that_names_the_first_line_and_the_first_value_stays() -> None:
    document = parse_yaml("a: 1\nb: 2\na: {c: 3}\nd: 4\n", "x.yaml")
    assert [fault.text() for fault in document.faults] == [
        "x.yaml:3: The key a is written twice (first in line 1). Remove one."
    ]
    assert document.data == {"a": 1, "b": 2, "d": 4}


def test_aliases_and_tags_are_refused_where_they_stand() -> None:
    found = faults_of("a: &x 1\nb: *x\nc: !!python/object:os.system 1\nd: !mine {e: 1}\n")
    assert [text.split(" ")[0] for text in found] == ["x.yaml:2:", "x.yaml:3:", "x.yaml:4:"]


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    document = parse_yaml("\n".join(lines), "bomb.yaml")
    assert len(document.faults) == 29 * 9
    assert document.faults[0].line == 2


@pytest.mark.parametrize("text", ["[" * 9000, "{a: " * 9000, "- " * 5000 + "x", "a: [" + "[" * 200 + "]" * 200 + "]"])
def test_endless_nesting_is_a_fault_not_a_crash(text: str) -> None:
    found = faults_of(text)
    assert found
    assert "x.yaml:1:" in found[0]


@pytest.mark.parametrize(
    "text", ["a: b: c", "a: [1, 2", "\ta: 1", "a: 'x", "%YAML 9\n---\n", "a: \x07", "? [a]\n: b\n"]
)
def test_broken_yaml_is_a_fault_with_a_line(text: str) -> None:
    assert faults_of(text)[0].startswith("x.yaml:")


def test_an_empty_file_and_a_second_document_are_faults() -> None:
    assert "empty" in faults_of("# nothing\n")[0]
    assert faults_of("a: 1\n---\nb: 2\n")[0].startswith("x.yaml:2: A file holds one")


def test_files_that_are_missing_huge_or_not_utf8_are_faults(tmp_path: Path) -> None:
    assert "is missing" in read_yaml(tmp_path / "none.yaml").faults[0].en
    assert "cannot be read" in read_yaml(tmp_path).faults[0].en
    (tmp_path / "huge.yaml").write_bytes(b"a: " + b"x" * MAX_BYTES)
    assert "larger than 1024 KiB" in read_yaml(tmp_path / "huge.yaml").faults[0].en
    (tmp_path / "gb.yaml").write_bytes(b"a: 1\nb: " + "水岸豪庭".encode("gb18030"))
    assert read_yaml(tmp_path / "gb.yaml").faults[0].text().endswith("(in Excel: 'CSV UTF-8').")
    assert read_yaml(tmp_path / "gb.yaml").faults[0].line == 2
    (tmp_path / "marked.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(tmp_path / "marked.yaml").data == {"a": 1}


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%? \n\t,01.~\x00é"), max_size=60))
def test_no_text_whatever_crashes_the_loader(text: str) -> None:
    document = parse_yaml(text, "x.yaml")
    assert all(fault.line >= 1 for fault in document.faults)
