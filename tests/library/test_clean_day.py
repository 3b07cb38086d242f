"""A day on which nothing breaks: the whole estate with weather, people and traffic raises nothing that wakes anyone."""

from collections import Counter

from tests.library.week.estate import BRISK, PlayedEstate, played, riverside

DAY = 86400.0
SEED = 7


def test_a_seeded_day_of_the_whole_estate_raises_no_alarm_of_priority_one_or_two() -> None:
    """PE-1, HH-1, AC-1, GT-1, PK-1, EL-3, FR-4, PW-1, LT-2, WS-2, DR-1, HV-1, HV-2, RM-1: 24 h of every system.

    Rain falls, taps and passengers come and go, guards walk, lights follow their timetable, panels are armed. Every
    device of the site speaks and every one is understood.
    """
    told: Counter[str] = Counter()
    rained = 0.0

    async def day(estate: PlayedEstate) -> None:
        nonlocal rained
        while estate.played < DAY:
            await estate.go(600.0, BRISK)
            rained += estate.world.climate.rain(estate.world.now) / 6.0
        assert [one for one in estate.raised if one.priority <= 2 and not one.hidden] == []
        site = estate.assembly.site
        assert [one.id for one in site.devices if estate.value(f"{one.id}.online") is not True] == []
        silent = [one.id for one in site.equipment if not estate.heard_of(one.id)]
        assert silent == []
        told.update(estate.journal.kinds)

    played(day, riverside(), seed=SEED, traffic=4.0)
    assert rained > 1.0
    lively = {
        "door.opened": 500, "vehicle.passed": 200, "panel.armed": 200, "call.started": 50, "parking.count": 500,
        "tour.checkpoint": 100, "post.checkin": 50, "step confirmed": 8,
    }  # fmt: skip
    assert {kind: told[kind] for kind, least in lively.items() if told[kind] < least} == {}
