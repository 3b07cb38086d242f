"""Spreadsheet rows give the same structure as YAML, with the line of every row."""

from estate.installation import Device, Equipment
from estate.table import parse_csv


def test_dotted_columns_nest_and_empty_cells_are_absent_keys() -> None:
    document = parse_csv("id,name.zh,name.en,unit\na,甲,A,3\n\nb,,,\n", "x.csv", Device)
    assert document.data == [{"id": "a", "name": {"zh": "甲", "en": "A"}, "unit": 3}, {"id": "b"}]
    assert (document.line((0, "unit")), document.line((1,))) == (2, 4)


def test_a_cell_becomes_a_number_only_where_the_model_wants_one() -> None:
    text = "id,number,parameters.high,parameters.armed,map.x,points.level,camera\n1,0301,1.5,TRUE,7,a.b,12\n"
    row = parse_csv(text, "x.csv", Equipment).data[0]
    assert row["id"] == "1"
    assert row["number"] == "0301"
    assert row["camera"] == "12"
    assert row["parameters"] == {"high": 1.5, "armed": True}
    assert row["map"] == {"x": 7}


def test_a_quoted_cell_over_two_lines_keeps_the_lines_of_later_rows() -> None:
    document = parse_csv('id,profile\na,"x\ny"\nb,z\n', "x.csv", Device)
    assert document.line((1,)) == 4


def test_wide_rows_doubled_and_nameless_columns_and_open_quotes_are_faults() -> None:
    assert "3 cells" in parse_csv("id,profile\na,b,c\n", "x.csv", Device).faults[0].text()
    assert "names id twice" in parse_csv("id,id\na,b\n", "x.csv", Device).faults[0].text()
    assert "a column name and columns name.…" in parse_csv("id,name,name.zh\na,b,c\n", "x.csv", Device).faults[0].text()
    assert "a column scale and columns" in parse_csv("scale.ai.low,scale\n1,2\n", "x.csv", Device).faults[0].text()
    assert "Column 2 has no name" in parse_csv("id,,profile\na,b,c\n", "x.csv", Device).faults[0].text()
    assert parse_csv('id\na\n"b\n', "x.csv", Device).faults[0].text().startswith("x.csv:3: CSV")
    assert "empty" in parse_csv("", "x.csv", Device).faults[0].text()
