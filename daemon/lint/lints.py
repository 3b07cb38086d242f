"""All lints of a site together: what stops it, what is only said, and the slowest of its urgent alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.catalogue import Catalogue
from daemon.lint.bus_load import overloaded
from daemon.lint.finding import Watched, told
from daemon.lint.plain_text import plain_text
from daemon.lint.profiles import misspelt
from daemon.lint.reach import doubtful, impossible
from daemon.lint.reading import idle_parameters, left_out, same_condition, unread
from daemon.lint.registers import car_parks, uncovered, unregistered
from daemon.lint.seeing import unattended, unseen, untold
from daemon.lint.timing import Worst, too_slow, worst_cases
from daemon.wiring import Offered
from estate.errors import Fault
from estate.folder import SiteFolder
from estate.model import EquipmentId, PointId
from estate.site import in_order
from rules.instance import RuleInstance


@dataclass(frozen=True, slots=True)
class Lints:
    """`warnings` are for the engineer to settle, `notes` only to be known. `slowest` is of the urgent alarms."""

    warnings: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()
    slowest: Worst | None = None


def stopping(site: SiteFolder, watched: Sequence[Watched], offered: Offered) -> list[Fault]:
    """Alarms that could never come, never go, or come too late: a site with one of them does not start."""
    found = [
        *(finding for one in watched for finding in impossible(one, site.rules, offered)),
        *(finding for one in watched for finding in too_slow(one, site.rules, offered)),
    ]
    return told(found)


def lints(
    site: SiteFolder,
    watched: Sequence[Watched],
    alarms: Sequence[RuleInstance],
    bindings: Mapping[EquipmentId, Mapping[str, PointId]],
    offered: Offered,
    catalogue: Catalogue,
) -> Lints:
    """Of a site without faults. `alarms` are all, those of devices and of the daemon itself too."""
    warnings = told(
        [
            *(finding for one in watched for finding in doubtful(one, site.rules)),
            *(finding for one in watched for finding in same_condition(one, site.rules)),
            *(finding for one in watched for finding in idle_parameters(one)),
            *(finding for one in watched for finding in unseen(site, one)),
            *(finding for one in watched for finding in unregistered(one)),
            *(finding for one in watched for finding in car_parks(one)),
        ]
    )
    warnings += [*unread(site, bindings, watched), *unattended(site), *untold(site, alarms), *uncovered(watched)]
    warnings += [*misspelt(site, catalogue, bindings), *overloaded(site, catalogue)]
    cases = (case for one in watched for case in worst_cases(one, offered))
    return Lints(
        tuple(in_order(warnings)),
        tuple(in_order([*told(finding for one in watched for finding in left_out(one)), *plain_text(site)])),
        max(cases, key=lambda case: case.seconds, default=None),
    )
