"""The stories of the stock rules: each is played here as a test of its own, and none of the rules goes untold."""

from collections import Counter
from dataclasses import replace

import pytest

from daemon.catalogue import LIBRARY, read_catalogue
from daemon.commands.test import main_test
from daemon.stories.playing import play
from daemon.stories.report import misses
from daemon.stories.stock import StockTale, stock_tales
from estate.errors import ConfigError
from rules.rule import EquipmentClass

CLASSES = sorted(file.stem for file in LIBRARY.glob("*.yaml"))
TOLD: dict[str, list[StockTale]] = {}
FAULTS: dict[str, str] = {}
for name in CLASSES:  # each by itself, so that a slip in one file does not hide the stories of the others
    try:
        TOLD[name] = stock_tales([name])
    except ConfigError as error:
        FAULTS[name] = str(error)
TALES = [tale for tales in TOLD.values() for tale in tales]


def named(tale: StockTale) -> str:
    return f"{tale.class_}: {tale.row.value.story.en}"


@pytest.mark.parametrize("tale", TALES, ids=named)
def test_story(tale: StockTale) -> None:
    played = play(tale.row, tale.scene)
    assert not played.misses, "\n".join(misses(played, "en"))


@pytest.mark.parametrize("name", CLASSES)
def test_the_stories_of_the_class_name_only_what_there_is(name: str) -> None:
    assert FAULTS.get(name, "") == ""


def test_every_file_of_stories_belongs_to_a_class() -> None:
    assert {file.stem for file in (LIBRARY / "stories").glob("*.yaml")} <= set(CLASSES)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EquipmentClass]:
    return read_catalogue(tmp_path_factory.mktemp("nowhere"), (), CLASSES).classes


@pytest.mark.parametrize("name", CLASSES)
def test_every_rule_of_the_class_is_raised_by_a_story(name: str, classes: dict[str, EquipmentClass]) -> None:
    tales = TOLD.get(name, [])
    raised = {alarm for tale in tales for alarm in play(tale.row, tale.scene).raised}
    wanted = {f"{name}.{rule}" for rule in classes[name].rules}
    wanted |= {rule.alarm for tale in tales for rule in tale.scene.rules}  # those of sequences
    assert sorted(wanted - raised) == [], f"write their stories in rules/library/stories/{name}.yaml"


def test_there_are_sixty_stories_and_more_and_no_two_say_the_same() -> None:
    for language in ("zh", "en"):
        sentences = Counter(tale.row.value.story.in_(language) for tale in TALES)
        assert len(sentences) >= 60
        assert [sentence for sentence, times in sentences.items() if times > 1] == []


@pytest.mark.parametrize("tale", TALES, ids=named)
def test_sentence_is_one_that_an_operator_understands(tale: StockTale) -> None:
    story = tale.row.value.story
    assert any("\u4e00" <= letter <= "\u9fff" for letter in story.zh)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in story.en)
    assert "_" not in story.zh + story.en, "names of rules and points are for engineers"
    assert len(story.en.split()) >= 5


def test_the_whole_library_is_played_by_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_test(None, library=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{len(TALES)} stories, 0 failed;")


def test_a_stock_rule_that_came_a_day_late_would_be_noticed_by_a_story() -> None:
    unnoticed = []
    for alarm in sorted({rule.alarm for tale in TALES for rule in tale.scene.rules}):
        tales = TOLD[alarm.partition(".")[0]]
        late = (
            tuple(
                replace(rule, on_delay=rule.on_delay + 86400.0) if rule.alarm == alarm else rule
                for rule in tale.scene.rules
            )
            for tale in tales
        )
        scenes = (replace(tale.scene, rules=rules) for tale, rules in zip(tales, late, strict=True))
        if not any(play(tale.row, scene).misses for tale, scene in zip(tales, scenes, strict=True)):
            unnoticed.append(alarm)
    assert unnoticed == []
