"""`estated check SITE`: every fault of a site folder with file and line, then one line that sums up."""

from pathlib import Path

from daemon.assembly import assemble
from estate.errors import ConfigError
from estate.wording import catalogue


def main_check(folder: Path, language: str = "zh") -> int:
    """Prints to standard output. 0 for a site that may run, 1 for one with faults."""
    words = catalogue()
    try:
        assembly = assemble(folder)
    except ConfigError as error:
        for found in error.faults:
            print(found.text(language))
        print(words["summary_bad"][language].format(count=len(error.faults)))
        return 1
    site = assembly.site
    print(
        words["summary_good"][language].format(
            site=site.name.in_(language),
            devices=len(site.devices),
            equipment=len(site.equipment),
            alarms=len(assembly.rules),
        )
    )
    return 0
