"""`estated test SITE`: plays the site's stories, and with --library those of its stock classes; no time passes."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from daemon.assembly import assemble
from daemon.stories.playing import Played, play
from daemon.stories.report import coverage, misses, summary
from daemon.stories.scene import site_scene
from daemon.stories.stock import stock_tales
from estate.errors import ConfigError
from estate.folder import Placed
from estate.story import Story
from estate.wording import catalogue, some
from rules.instance import RuleInstance


def main_test(folder: Path | None, name: str | None = None, library: bool = False, language: str = "en") -> int:
    """Prints to standard output. 0 when every story came true, 1 when one did not or the site is at fault.

    `name` is the file of a story without `.yaml`, or part of its sentence. Without a site the whole library is played.
    """
    begin = perf_counter()
    try:
        rules, played = _site(folder, name) if folder is not None else ((), [])
        if library or folder is None:
            stock, more = _library(name, {rule.class_ for rule in rules} if folder is not None else None)
            rules, played = (*rules, *stock), [*played, *more]
    except ConfigError as error:
        for found in error.faults:
            print(found.text(language))
        return 1
    if name is not None and not played:
        print(catalogue()["story_name"][language].format(name=name, known=some(_known(folder, library))))
        return 1
    for one in played:
        for line in misses(one, language):
            print(line)
    if name is None:
        for line in coverage(rules, played, language):
            print(line)
    print(summary(rules, played, perf_counter() - begin, language))
    return int(any(one.misses for one in played))


def _site(folder: Path, name: str | None) -> tuple[tuple[RuleInstance, ...], list[Played]]:
    whole = assemble(folder)
    scene = site_scene(whole.site, whole.profiles, whole.rules, whole.bindings)
    return whole.rules, [play(row, scene) for row in whole.stories if _is_meant(row, name)]


def _library(name: str | None, classes: set[str] | None) -> tuple[tuple[RuleInstance, ...], list[Played]]:
    tales = stock_tales(classes)
    rules = {rule.alarm: rule for tale in tales for rule in tale.scene.rules}
    return tuple(rules.values()), [play(tale.row, tale.scene) for tale in tales if _is_meant(tale.row, name)]


def _is_meant(row: Placed[Story], name: str | None) -> bool:
    told = row.value.story
    return name is None or name == Path(row.document.file).stem or name in told.zh or name in told.en


def _known(folder: Path | None, library: bool) -> Sequence[str]:
    site = [Path(row.document.file).stem for row in assemble(folder).stories] if folder is not None else []
    return [*site, *([tale.class_ for tale in stock_tales()] if library or folder is None else [])]
