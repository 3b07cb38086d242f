"""Who may hold a line to the receiver: how many from one address, for how long, and who goes when all are taken."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from drivers.dc09.connection import Address, Connection

PER_ADDRESS = 8
"""Lines from one address on which no panel of ours has spoken yet. Panels behind one router have one address."""

FIRST_FRAME = 10.0
"""s a caller has to show that he is a panel."""

IDLE = 60.0
"""s without a good frame after which a line is closed, if its panel is not allowed to be silent for longer."""

LEAST, SPARE, MOST = 256, 64, 2048
"""Lines altogether: two for each panel and some to spare, within these bounds."""


class Lines:
    """All that are open. A caller who is a stranger so far never keeps a panel out: he goes first, the longest idle
    first of all, for a panel speaks as soon as it has a line.

    Of lines on which a panel has spoken, one of the account that holds the most goes first, the longest silent.
    `limited` is when (monotonic s) somebody was last turned away or made to go.
    """

    def __init__(self, panels: int) -> None:
        self._most = min(MOST, max(LEAST, 2 * panels + SPARE))
        self._open: dict[Connection, None] = {}
        self._strangers: dict[Address | None, dict[Connection, None]] = {}
        self.limited = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def opened(self, line: Connection, mono: float) -> None:
        """Takes the line in; where there is no room, another one has to go."""
        line.heard = mono
        beside = self._strangers.setdefault(line.address, {})
        if len(beside) >= PER_ADDRESS:
            self._make_room(next(iter(beside)), "too many lines from its address", mono)
        if len(self._open) >= self._most:
            self._make_room(self._least_needed(), "its line was needed", mono)
        self._open[line] = None
        self._strangers.setdefault(line.address, {})[line] = None

    def closed(self, line: Connection) -> None:
        self._open.pop(line, None)
        self._no_stranger(line)

    def accepted(self, line: Connection, account: str, mono: float) -> None:
        """A whole frame of a panel of ours came over it."""
        self._no_stranger(line)
        line.account = account
        line.heard = mono
        line.garbled = line.strange = 0

    def dismiss_idle(self, mono: float, patience: dict[str, float]) -> None:
        """`patience` is for how long a panel may be silent (s), by account."""
        for line in self:
            allowed = max(IDLE, patience.get(line.account, 0.0)) if line.account else FIRST_FRAME
            if mono - line.heard > allowed:
                line.dismiss(f"silent for {allowed:g} s")

    def _make_room(self, line: Connection, why: str, mono: float) -> None:
        self.limited = mono
        line.dismiss(why)
        self.closed(line)

    def _no_stranger(self, line: Connection) -> None:
        beside = self._strangers.get(line.address, {})
        beside.pop(line, None)
        if not beside:
            self._strangers.pop(line.address, None)

    def _least_needed(self) -> Connection:
        strangers = list(chain.from_iterable(self._strangers.values()))
        if strangers:
            return min(strangers, key=lambda line: line.heard)
        held = Counter(line.account for line in self._open)
        return min(self._open, key=lambda line: (-held[line.account], line.heard))
