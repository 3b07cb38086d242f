"""docs/alarm-states.md out of the one table: `python -m rules.state_table` writes the page to standard output."""

import sys
from collections.abc import Iterator

from rules.alarm import ANNOUNCING, IN_SIGHT, TABLE, AlarmState, Trigger
from rules.life import JUST_BEFORE
from rules.suppression import SuppressionKind

LETTERS = {
    AlarmState.NORMAL: "A",
    AlarmState.UNACKNOWLEDGED: "B",
    AlarmState.ACKNOWLEDGED: "C",
    AlarmState.RETURNED: "D",
    AlarmState.LATCHED_UNACKNOWLEDGED: "L1",
    AlarmState.LATCHED: "L2",
}
OVER = {SuppressionKind.SHELVED: "E", SuppressionKind.BY_DESIGN: "F", SuppressionKind.OUT_OF_SERVICE: "G"}
CHINESE = {
    AlarmState.NORMAL: "正常",
    AlarmState.UNACKNOWLEDGED: "未确认",
    AlarmState.ACKNOWLEDGED: "已确认",
    AlarmState.RETURNED: "已恢复，未确认",
    AlarmState.LATCHED_UNACKNOWLEDGED: "锁存，未确认",
    AlarmState.LATCHED: "锁存，已确认",
    SuppressionKind.SHELVED: "搁置",
    SuppressionKind.BY_DESIGN: "设计抑制",
    SuppressionKind.OUT_OF_SERVICE: "停用",
}
MEANING = {
    Trigger.RAISE: "条件成立满延时 / the condition has held for its on-delay",
    Trigger.RAISE_SUPPRESSED: "同上，但报警被抑制 / the same, while something suppresses the alarm",
    Trigger.CLEAR: "条件消失满延时 / the condition has been false for its off-delay",
    Trigger.CLEAR_LATCHING: "同上，锁存报警 / the same, of an alarm that is latched",
    Trigger.CLEAR_ADVISORY: "同上，无需确认的提示 / the same, for a rule with `acknowledge: false`",
    Trigger.ACKNOWLEDGE: "操作员确认 / an operator acknowledges",
    Trigger.UNACKNOWLEDGE: "撤销误确认 / takes a mistaken acknowledgement back",
    Trigger.RESET: "复位；条件仍在时拒绝 / resets; refused while the condition is true",
    Trigger.WORSEN: "`severe` 成立，优先级升高 / the rule's `severe` holds: higher priority",
    Trigger.EASE: "`severe` 不再成立 / and no longer holds",
    Trigger.REMIND: "确认后超过 `remind` 仍未恢复 / acknowledged for `remind` seconds and still there",
    Trigger.SHELVE: "搁置，必有期限和原因 / shelved, with an end and a reason",
    Trigger.SHELF_ENDED: "搁置到期 / the shelf's time is over",
    Trigger.UNSHELVE: "人工取消搁置（视为已看到）/ taken back by a person, who has thereby seen it",
    Trigger.SUPPRESS: "`suppress_when` 成立，或上级报警变化 / `suppress_when` holds, or other parents explain it",
    Trigger.TAKE_OVER: f"上级报警在 {JUST_BEFORE:g} 秒内到来 / a parent came within {JUST_BEFORE:g} s after it",
    Trigger.UNSUPPRESS: "设计抑制解除 / nothing suppresses it by design any more",
    Trigger.REMOVE_FROM_SERVICE: "停用，必有原因和工单 / out of service, with a reason and a work order",
    Trigger.RETURN_TO_SERVICE: "恢复使用（人工或到期）/ back in service, by a person or at its end",
    Trigger.WITHDRAW: "启动时撤下：已无此规则 / taken off at the start: no rule of the site makes it any more",
}

HEAD = """\
# 报警状态 / Alarm states

<!-- Written by `python -m rules.state_table > docs/alarm-states.md`. Change rules/alarm.py, not this page. -->

本页由 `rules/alarm.py` 中的唯一状态表生成，程序按该表运行，测试逐格核对。
This page is generated from the one table in `rules/alarm.py`; the program runs by it and the tests check every cell.

状态按 ANSI/ISA-18.2-2016 的字母，锁存两态按其 2009 版。 / Letters as in ANSI/ISA-18.2-2016, the latched pair as in
its 2009 edition.

"""
NOTES = """
**粗体**：向操作员报出（提示音、计入统计）。“·”：该事件对此状态无影响，人的操作会被拒绝并说明原因。
**Bold**: announced, with sound, and counted by the KPIs. "·": the event changes nothing in this state; a person's
command is refused with the reason.

## 抑制 / Suppression

E、F、G 不是状态，而是覆盖在状态之上的标记，可以同时存在；显示时 G 优先于 F，F 优先于 E。下面的评估从不停止。
解除其中一种不影响另一种：带 † 的行只在没有（其他）抑制时生效，否则状态不变。
E, F and G are no states but lie over the state, several at once; G is shown before F before E. Evaluation goes on
beneath. Leaving one does not lift another: rows marked † apply only when nothing (else) suppresses the alarm; if
something does, the state stays as it is.

- 被抑制时发生的报警不报出、不欠确认；抑制前已报出而未确认的，仍欠确认。 / What is raised while suppressed is not
  announced and owes no acknowledgement; what was announced before and not acknowledged stays owed.
- 搁置到期、设计抑制解除、恢复使用时，条件仍在的报警报出（B）；人工取消搁置视为已确认（C）。 / When a shelf runs out,
  a design suppression ends or an alarm returns to service, what is still there is announced (B). Unshelving by hand
  counts as acknowledging (C).
- 上级报警（总线 → 网关 → 设备 → 设备上的报警；失电 → 其供电对象）存在时，下级的新报警被抑制并记下上级；上级消失后仍在的
  才报出。上级条件成立前 {before} 秒内来的下级报警由上级接管。 / While a parent stands (bus, gateway, device,
  equipment; lost supply and what it feeds), a new alarm of its child is suppressed and names it; what is still there
  when the parent clears is announced then. What came within {before} s before the parent's condition came true is taken
  over by it. Latched alarms are never taken over.
- 求助、火警、胁迫、防拆（`never_suppress`）不能搁置、抑制或停用。 / Panic, fire, duress and tamper
  (`never_suppress`) can be neither shelved nor suppressed nor taken out of service.

## 其他规定 / Further rules

- 严重程度：规则可写一个 `severe`（条件和更高优先级）。同一条报警升级，已确认的重新报出；不另设一条报警。
  / Severity: a rule may have one `severe` (a condition and a higher priority). It is the same alarm that worsens, and
  whoever acknowledged it is called again.
- 每次成立是一次新的发生（计数加一），抑制中的也算。 / Each raising is an occurrence of its own, suppressed or not.
- 锁存：报警出现在操作员面前时锁存，直到复位。抑制中来而又去的不锁存。 / Latching: an alarm latches when it is before
  the operator, until it is reset. What comes and goes beneath a suppression does not latch.
- 频繁报警：60 秒内成立三次（可配置）即合为一条，保持在场并计数，静止 5 分钟后才恢复；
  涉及人身安全和 `never_suppress` 的除外。 / Chattering: raised three times in 60 s (configurable), it is held as
  one alarm that counts, until nothing has moved for 5 min; never for life safety and `never_suppress`.
"""


def page() -> str:
    """The whole page, as it has to stand in docs/."""
    return "\n".join([HEAD + _states(), _moves()]) + NOTES.replace("{before}", f"{JUST_BEFORE:g}")


def _states() -> str:
    rows = ["| | 状态 / state | 条件 / condition | 待确认 / to acknowledge |", "|---|---|---|---|"]
    for state, letter in LETTERS.items():
        present = "在 / there" if state.condition_present else "不在 / gone"
        owed = "是 / yes" if state.needs_acknowledge else ""
        rows.append(f"| {letter} | {CHINESE[state]} / {state.value} | {present} | {owed} |")
    rows += [f"| {letter} | {CHINESE[kind]} / {kind.value} | 任意 / any | |" for kind, letter in OVER.items()]
    return "\n".join(rows) + "\n"


def _moves() -> str:
    letters = list(LETTERS.values())
    rows = [f"| 事件 / event | {' | '.join(letters)} | |", f"|---|{':-:|' * len(letters)}---|"]
    for trigger in Trigger:
        mark = " †" if trigger in IN_SIGHT else ""
        rows.append(f"| {trigger.value}{mark} | {' | '.join(_cells(trigger))} | {MEANING[trigger]} |")
    return "\n".join(rows) + "\n"


def _cells(trigger: Trigger) -> Iterator[str]:
    for before in LETTERS:
        after = TABLE.get((before, trigger))
        if after is None:
            yield "·"
        elif after is AlarmState.UNACKNOWLEDGED and trigger in ANNOUNCING:
            yield f"**{LETTERS[after]}**"
        else:
            yield LETTERS[after]


if __name__ == "__main__":
    sys.stdout.write(page())
