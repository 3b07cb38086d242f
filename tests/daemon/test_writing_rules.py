"""docs/writing-rules.md, followed to the letter in a copy of the example site."""

import re
import shutil
from pathlib import Path

import pytest

from daemon.assembly import assemble
from daemon.commands.test import main_test
from estate.model import EquipmentId

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-rules.md").read_text("utf-8")
ROW, CLASS_RULES, OWN_RULE, _GATEWAYS, STORY = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[:5]
(FAILURE,) = re.findall(r"```\n(tests/.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    shutil.copytree(ROOT / "examples" / "riverside", folder)
    head, tail = (folder / "equipment.yaml").read_text("utf-8").split("- id: sump-2\n  class: sump\n")
    tail = re.sub(r"  parameters: .*\n", "", tail, count=1)
    (folder / "equipment.yaml").write_text(head + ROW + tail, "utf-8")
    (folder / "rules.yaml").write_text(CLASS_RULES + OWN_RULE, "utf-8")
    (folder / "tests" / "ramp.yaml").write_text(STORY, "utf-8")
    return folder


def test_its_limit_its_rules_and_its_story_are_sound(site: Path) -> None:
    rules = {str(rule.alarm): rule for rule in assemble(site).rules}
    assert rules["sump-2.high_level"].parameters["level_high"] == 1.1
    assert rules["lane-in-1.plate_uncertain"].rule.priority == 3
    assert rules["lane-in-1.held_open"].parameters["held_open_limit"] == 600
    stock = {
        rule.rule_name for rule in rules.values() if rule.class_ == "sump" and rule.equipment != EquipmentId("sump-2")
    }
    assert rules["sump-2.both_pumps_run"].rule_name not in stock, "the page shows a rule that has become a stock rule"


def test_its_story_comes_true(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(site, "ramp") == 0, capsys.readouterr().out


def test_a_story_that_fails_is_told_as_the_page_shows(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = site / "rules.yaml"
    rules.write_text(rules.read_text("utf-8").replace("on_delay: 60 ", "on_delay: 90 "), "utf-8")
    assert main_test(site, "ramp") == 1
    assert capsys.readouterr().out.replace(f"{site}/", "").startswith(FAILURE)
