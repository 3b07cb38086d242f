"""What a site switches by itself has to be switchable: timetables, and alarms that name another equipment."""

from collections.abc import Iterator, Mapping, Sequence

from daemon.lint.finding import Watched
from daemon.wiring import Offered
from estate.errors import Fault
from estate.folder import Placed, SiteFolder
from estate.model import PointId
from estate.timetable import Timetable
from estate.wording import nearest, some


def commanded(site: SiteFolder, watched: Sequence[Watched], offered: Offered) -> Iterator[Fault]:
    """Faults of timetables.yaml against the rest of the site, and of rules that command what takes no such command."""
    known = {one.id: one for one in watched}
    enabled = {row.value.id for row in site.devices if row.value.commands}
    governed: dict[str, str] = {}
    for row in site.timetables:
        table = row.value
        if table.follows_the_sun and site.outline is not None and site.outline.location is None:
            yield row.fault("no_location", "id", id=table.id)
        if table.light is not None:
            device, _, point = table.light.point.partition(".")
            names = offered.names.get(device, ())
            if point not in names:
                yield row.fault("light_unknown", "light", "point", near=nearest(point, names), point=table.light.point)
        for index, target in enumerate(table.equipment):
            other = governed.setdefault(target, table.id)
            if other != table.id:
                yield row.fault("timetable_twice", "equipment", index, id=target, other=other)
            if target not in site.equipment.ids:
                near = nearest(target, site.equipment.ids)
                yield row.fault("unknown_equipment", "equipment", index, near=near, id=target)
            elif target in known:
                yield from _switchable(row, index, known[target], offered, enabled)
    yield from _actions(site, known)


def _switchable(
    row: Placed[Timetable], index: int, one: Watched, offered: Offered, enabled: set[str]
) -> Iterator[Fault]:
    for name in (row.value.on, row.value.off):
        command = one.cls.commands.get(name)
        if command is None:
            words = some(one.cls.commands)
            near = nearest(name, one.cls.commands)
            yield row.fault("no_such_command", "equipment", index, near=near, id=one.id, command=name, known=words)
            return
        fault = _output(one.bound, command.write, offered, enabled)
        if fault is not None:
            code, values = fault
            yield row.fault(code, "equipment", index, id=one.id, **values)
            return


def _output(
    bound: Mapping[str, PointId], point: str, offered: Offered, enabled: set[str]
) -> tuple[str, Mapping[str, str]] | None:
    source = bound.get(point)
    if source is None or (source in offered.kinds and source not in offered.writable):
        return "output_missing", {"point": point}
    device = source.partition(".")[0]
    return ("device_takes_none", {"device": device}) if device not in enabled else None


def _actions(site: SiteFolder, known: Mapping[str, Watched]) -> Iterator[Fault]:
    for one in known.values():
        for alarm in one.alarms:
            for action in alarm.rule.actions:
                if action.target in ("lamp", "self"):
                    continue
                document, loc = one.rule_place(site.rules, alarm.rule_name)
                target = known.get(action.target)
                if target is None and action.target not in site.equipment.ids:
                    near = nearest(action.target, site.equipment.ids)
                    yield document.fault("unknown_equipment", loc, near, id=action.target)
                elif target is not None and action.do not in target.cls.commands:
                    words = some(target.cls.commands)
                    near = nearest(action.do, target.cls.commands)
                    yield document.fault("no_such_command", loc, near, id=action.target, command=action.do, known=words)
