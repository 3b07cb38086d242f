"""How far a sequence has come: which steps came early, late or not at all. One small machine, driven by conditions."""

from dataclasses import dataclass, replace
from math import inf

from rules.evaluation import Slots
from rules.settled import Saved, Shift
from rules.tree import Outcome, Progress, Stage

STANDS = 10.0
"""s for which what happened is true at the least, so that a last step that comes early and ends it all is told."""

Inputs = tuple[bool | None, ...]
"""Trigger, end, then for each step its condition and what restarts its clock."""


@dataclass(frozen=True, slots=True)
class Step:
    """`word` is the condition as last told, `denied` when it was last known to be false,
    `dip` when its clock began anew.

    All other times are when that happened, infinite where it has not; `took` in s. `exact`: it was seen
    to happen, not found to have happened.
    """

    word: bool | None = None
    denied: float = -inf
    dip: float = -inf
    restarting: bool = False
    done: float = inf
    early: float = inf
    late: float = inf
    took: float = 0.0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    """`armed`: the trigger was seen to be false, so its begin is seen too; `running` since `begun`."""

    steps: tuple[Step, ...]
    trigger: bool | None = None
    unsure: bool = True
    armed: bool = False
    over: bool = False
    running: bool = False
    exact: bool = False
    begun: float = -inf
    completed: float = inf


class Sequence:
    """Moves on at every change of a condition; the same contract as the other memories. Keeps a few times per step.

    It begins when the trigger comes true and ends when that is no longer so, or when its own end comes
    true. A step is open from the moment at which the one before it happened. A word that is unknown
    neither begins, ends nor does anything. What was under way when first seen is not said to be early.
    """

    def __init__(self, progress: Progress) -> None:
        self._asked = progress
        self._stages = progress.stages
        self._stand = self._settled = Stand(tuple(Step() for _ in progress.stages))
        self._inputs: Inputs = ()
        self._moment = -inf

    def update(self, at: float, inputs: Inputs) -> bool:
        """Take the conditions as they are from `at` on; returns whether any is another."""
        if inputs == self._inputs:
            return False
        if at != self._moment:
            self.settle()
            self._moment = at
        self._inputs = inputs
        self._stand = self._moved(self._settled, at, inputs)
        return True

    def settle(self) -> None:
        self._settled = self._stand

    @property
    def sleeps(self) -> bool:
        """Whether only its trigger and its end can move it, whatever its steps say; not yet in the moment it ends."""
        return all(not one.running and (one.trigger is not True or one.over) for one in (self._settled, self._stand))

    def _moved(self, stand: Stand, at: float, inputs: Inputs) -> Stand:
        trigger, ends = inputs[0], inputs[1]
        own_end = self._asked.ends is not None
        stand = replace(stand, trigger=trigger, unsure=(ends if own_end else trigger) is None)
        if not stand.running:
            if trigger is not True or stand.over:
                return replace(stand, armed=trigger is False, over=stand.over and trigger is not False)
            fresh = tuple(Step() for _ in self._stages)
            stand = Stand(fresh, trigger, stand.unsure, False, False, True, stand.armed, at)
        steps: list[Step] = []
        for place, stage in enumerate(self._stages):
            opened = stand.begun if stage.after < 0 else steps[stage.after].done
            exact = stand.exact if stage.after < 0 else steps[stage.after].exact
            steps.append(_moved(stand.steps[place], stage, at, inputs[2 + 2 * place : 4 + 2 * place], opened, exact))
        done = stand.exact and all(one.done < inf for one in steps)
        stand = replace(stand, steps=tuple(steps), completed=min(stand.completed, at) if done else inf)
        if ends is True if own_end else trigger is False:
            stand = replace(stand, running=False, armed=trigger is False, over=trigger is not False)
        return stand

    def write(self, values: Slots, place: int, at: float) -> float:
        """The answer to what was asked, how long the step took (s), and when the answer changes by itself."""
        stand = self._stand
        if self._asked.outcome is Outcome.COMPLETED:
            values[place + 1] = stand.completed - stand.begun if stand.completed < inf else None
            values[place], look = self._happened(stand.completed, at)
            return look
        step = stand.steps[self._asked.place]
        values[place + 1] = step.took if step.done < inf else None
        if self._asked.outcome is Outcome.MISSING:
            values[place], look = self._missing(step, at)
        else:
            values[place], look = self._happened(step.early if self._asked.outcome is Outcome.EARLY else step.late, at)
        return look

    def _happened(self, when: float, at: float) -> tuple[bool | None, float]:
        if when == inf:
            return (None if self._stand.trigger is None else False), inf
        if self._stand.running:
            return True, inf
        return when + STANDS > at, when + STANDS if when + STANDS > at else inf

    def _missing(self, step: Step, at: float) -> tuple[bool | None, float]:
        stand, stage = self._stand, self._stages[self._asked.place]
        if stand.unsure:
            return None, inf
        opened = stand.begun if stage.after < 0 else stand.steps[stage.after].done
        if not stand.running or step.done < inf or opened == inf or step.restarting or stage.latest is None:
            return False, inf
        deadline = max(opened, step.dip) + stage.latest
        if at < deadline:
            return False, deadline
        return (True if step.word is False else None), inf

    def memory(self, shift: Shift) -> Saved:
        return [list(self._inputs), shift.wall(self._moment), _saved(self._settled, shift), _saved(self._stand, shift)]

    def restore(self, saved: Saved, shift: Shift) -> None:
        self._inputs = tuple(saved[0])
        self._moment = shift.mono(saved[1])
        self._settled, self._stand = _loaded(saved[2], shift), _loaded(saved[3], shift)


def _moved(step: Step, stage: Stage, at: float, words: Inputs, opened: float, exact: bool) -> Step:
    when, restart = words
    if restart is True:
        step = replace(step, restarting=True)
    elif restart is False and step.restarting:
        step = replace(step, restarting=False, dip=at)
    if opened == inf or step.done < inf:
        return step
    before = step.word
    step = replace(step, word=when, denied=at if before is False else step.denied)
    if when is not True:
        return step
    clock = max(opened, step.dip)
    clear = exact or step.dip > opened
    early = stage.earliest is not None and clear and (step.restarting or at < clock + stage.earliest)
    late = stage.latest is not None and not step.restarting and step.denied > clock + stage.latest
    seen = before is False or (exact and at == opened)
    return replace(step, done=at, took=at - clock, early=at if early else inf, late=at if late else inf, exact=seen)


def _saved(stand: Stand, shift: Shift) -> Saved:
    return [
        [stand.trigger, stand.unsure, stand.armed, stand.over, stand.running, stand.exact],
        [shift.wall(stand.begun), shift.wall(stand.completed)],
        [
            [
                one.word,
                one.restarting,
                one.took,
                one.exact,
                *map(shift.wall, (one.denied, one.dip, one.done, one.early, one.late)),
            ]
            for one in stand.steps
        ],
    ]


def _loaded(saved: Saved, shift: Shift) -> Stand:
    def happened(wall: float | None) -> float:
        return inf if wall is None else shift.mono(wall)

    steps = tuple(
        Step(
            word=word,
            restarting=restarting,
            took=took,
            exact=exact,
            denied=shift.mono(denied),
            dip=shift.mono(dip),
            done=happened(done),
            early=happened(early),
            late=happened(late),
        )
        for word, restarting, took, exact, denied, dip, done, early, late in saved[2]
    )
    trigger, unsure, armed, over, running, whole = saved[0]
    begun, completed = shift.mono(saved[1][0]), happened(saved[1][1])
    return Stand(steps, trigger, unsure, armed, over, running, whole, begun, completed)
