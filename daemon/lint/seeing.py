"""Whether anybody sees an alarm: on a plan, at a desk, by its lamp, and in a story."""

from collections.abc import Iterable, Iterator

from daemon.lint.finding import Finding, Watched
from estate.errors import Fault
from estate.folder import SiteFolder
from estate.people import Role
from estate.wording import fault
from rules.alarm import AlarmState
from rules.instance import RuleInstance

MAY_ACKNOWLEDGE = (Role.OPERATOR, Role.SUPERVISOR)


def unseen(site: SiteFolder, one: Watched) -> Iterator[Finding]:
    """Equipment with alarms that no plan shows, and alarms that would light a lamp where there is none."""
    if one.alarms and site.plan_boxes and one.row.value.map is None:
        yield Finding("not_on_map", one.place, one.id)
    for alarm in one.alarms:
        if one.row.value.lamp is None and any(action.target == "lamp" for action in alarm.rule.actions):
            yield Finding("lamp_missing", one.place, one.id, (("rule", alarm.rule_name),))


def unattended(site: SiteFolder) -> Iterator[Fault]:
    """A site in which nobody may acknowledge an alarm."""
    if not any(user.role in MAY_ACKNOWLEDGE for user in site.users.values):
        yield fault("no_operator", str(site.path / "people.yaml"), 1)


def untold(site: SiteFolder, alarms: Iterable[RuleInstance]) -> Iterator[Fault]:
    """Conditions of the site's own that no story ever brings about. Stock rules have stories of their own."""
    document = site.rules
    if document is None or not isinstance(document.data, dict):
        return
    told = {
        name
        for row in site.stories
        for step in row.value.steps
        for name, state in step.expect.items()
        if state != AlarmState.NORMAL
    }
    owners = {(owner, one.rule_name) for one in alarms if one.alarm in told for owner in (one.equipment, one.class_)}
    for scope in ("classes", "equipment"):
        for owner, change in (document.data.get(scope) or {}).items():
            for rule, parts in (change.get("rules") or {}).items():
                if "when" in parts and (owner, rule) not in owners:
                    yield document.fault("rule_untold", (scope, owner, "rules", rule), rule=rule, owner=owner)
