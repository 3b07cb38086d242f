"""Who feeds whom: what a lost supply explains on the real example, what a UPS keeps alive, what may not be written."""

import shutil
from pathlib import Path

import pytest

from daemon.assembly import Assembly, assemble, check
from rules.instance import RuleInstance

RIVERSIDE = Path(__file__).parents[2] / "examples" / "riverside"


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(RIVERSIDE)


def rule(assembly: Assembly, alarm: str) -> RuleInstance:
    return next(one for one in assembly.rules if one.alarm == alarm)


def parents(assembly: Assembly, alarm: str) -> set[frozenset[str]]:
    return {frozenset(map(str, one)) for one in rule(assembly, alarm).parents}


def alone(*alarms: str) -> set[frozenset[str]]:
    return {frozenset({one}) for one in alarms}


def test_the_dead_load_of_a_transfer_switch_is_explained_by_the_lost_mains(assembly: Assembly) -> None:
    assert alone("supply-1.lost") <= parents(assembly, "ats-1.load_dead")


def test_behind_a_transfer_switch_only_its_own_dead_load_explains(assembly: Assembly) -> None:
    """While the generator carries the load the mains is lost all the same, and explains nothing."""
    assert parents(assembly, "device-sump-1-ctl.offline") == alone("bus-sump-gw.offline", "ats-1.load_dead")
    assert alone("supply-1.lost").isdisjoint(parents(assembly, "lift-1.power_lost"))


def test_behind_a_feeder_its_own_switch_and_what_feeds_it_explain(assembly: Assembly) -> None:
    found = parents(assembly, "device-meter-b1.offline")
    assert alone("feeder-1.open", "feeder-1.tripped", "feeder-1.out_of_service", "ats-1.load_dead") <= found


def test_what_a_ups_carries_is_explained_by_the_ups_alone(assembly: Assembly) -> None:
    explained = alone("ups-1.shutdown_imminent", "ups-1.output_off")
    assert parents(assembly, "gateway-acs-1.offline") == explained
    assert explained <= parents(assembly, "bus-lifts.offline")
    assert alone("ats-1.load_dead").isdisjoint(parents(assembly, "bus-lifts.offline"))


def test_a_bus_is_explained_by_a_supply_that_all_its_devices_share(assembly: Assembly) -> None:
    """Both relays of the wall lamps hang on one feeder; of the devices on the power bus some have their own supply."""
    assert alone("feeder-3.open", "ats-1.load_dead") <= parents(assembly, "bus-wall-lamps.offline")
    assert alone("ats-1.load_dead").isdisjoint(parents(assembly, "bus-power-gw.offline"))


def test_what_a_lost_supply_explains_is_told_at_once_all_the_same(assembly: Assembly) -> None:
    """HH-4 PK-1: lost power is told at once; when the supply is known to be lost, its alarm takes the other over."""
    assert rule(assembly, "panel-0803.mains_lost").on_delay == 0.0
    assert rule(assembly, "lane-in-2.on_battery").on_delay <= 1.0


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("{id: acs-1, fed_by: ups-1}", "{id: acs-9, fed_by: ups-1}", "No device is reached via acs-9"),
        ("{id: acs-1, fed_by: ups-1}", "{id: acs-1, fed_by: ups-9}", "There is no equipment ups-9 to feed it"),
        ("{id: acs-1, fed_by: ups-1}", "{id: acs-1, fed_by: tank-1}", "tank-1 has no alarm that cuts the supply"),
        ("{id: acs-1, fed_by: ups-1}", "{id: gt-1, fed_by: ups-1}", "gt-1"),
        ("192.168.40.11:4001\n    fed_by: ups-1", "192.168.40.11:4001\n    fed_by: upz-1", "ups-1"),
    ],
)
def test_a_feeder_that_cannot_be_is_told_with_its_line(tmp_path: Path, written: str, instead: str, said: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(RIVERSIDE, site)
    text = (site / "site.yaml").read_text("utf-8")
    assert text.count(written) == 1
    (site / "site.yaml").write_text(text.replace(written, instead), "utf-8")
    (fault,) = check(site)
    assert said in fault.en
    assert fault.file.endswith("site.yaml")
    new = instead.splitlines()[-1]
    assert new.strip() in text.replace(written, instead).splitlines()[fault.line - 1]


def test_every_feeder_of_the_example_says_when_its_load_is_dead(assembly: Assembly) -> None:
    cutting = {one.equipment for one in assembly.rules if one.rule.cuts_supply}
    rows = [*assembly.site.equipment, *assembly.site.devices, *assembly.site.buses, *assembly.site.gateways]
    fed = {row.fed_by for row in rows if row.fed_by is not None}
    assert fed <= {str(one) for one in cutting}
