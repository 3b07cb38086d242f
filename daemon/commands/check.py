"""`estated check SITE`: every fault of a site folder with file and line; of a sound one its doubts, and a summary."""

from dataclasses import replace
from pathlib import Path

from daemon.assembly import Assembly, assemble
from daemon.commands.refusal import listed
from estate.errors import ConfigError, Fault
from estate.wording import catalogue


def main_check(folder: Path, language: str = "zh", strict: bool = False) -> int:
    """Prints to standard output. 0 for a site that may run, 1 for one with faults; `strict`: or with warnings."""
    words = catalogue()
    try:
        assembly = assemble(folder)
    except ConfigError as error:
        print("\n".join(listed(error.faults, language)))
        return 1
    lints = assembly.lints
    for mark, doubts in (("mark_warning", lints.warnings), ("mark_note", lints.notes)):
        for doubt in doubts:
            print(_marked(doubt, mark).text(language))
    _summary(assembly, language)
    if strict and lints.warnings:
        print(words["summary_strict"][language].format(count=len(lints.warnings)))
        return 1
    return 0


def _marked(found: Fault, mark: str) -> Fault:
    """With the word that says how much it weighs."""
    words = catalogue()[mark]
    return replace(found, zh=words["zh"] + found.zh, en=words["en"] + found.en)


def _summary(assembly: Assembly, language: str) -> None:
    words = catalogue()
    site = assembly.site
    if assembly.lints.slowest is not None:
        print(words["slowest"][language].format(**assembly.lints.slowest.words))
    print(
        words["summary_good"][language].format(
            site=site.name.in_(language),
            devices=len(site.devices),
            equipment=len(site.equipment),
            alarms=len(assembly.rules),
        )
    )
