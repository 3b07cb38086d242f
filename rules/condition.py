"""Conditions from text to tree: what may be written, and where a mistake stands.

    condition  = both { "or" both }
    both       = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
    sum        = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | quantity | string | "true" | "false" | name | call | "(" condition ")"
    quantity   = number [ unit ]                                    2.5 bar, 30s, 95 %
    call       = ("abs" | "min" | "max") "(" condition { "," condition } ")"
               | "held"     "(" condition "," time ")"              true for so long without a break
               | "count"    "(" condition "," time ")"              how often it became true
               | "since"    "(" condition ")"                       seconds since it last became true
               | "within"   "(" condition { "," condition } "," time ")"   all of them true, if not at once
               | "at_least" "(" number { "," condition } [ "," time ] ")"  so many of them
               | "rate"     "(" name "," time ")"                   slope of a point, per second
               | "changed"  "(" name [ "," time ] ")"               another value than before
               | "stale"    "(" name ")"                            its quality is not good
    time       = number ("ms" | "s" | "m" | "min" | "h" | "d") | name of a parameter

Text becomes a tree here and nothing else: it is never given to Python's own evaluation.
"""

from functools import lru_cache

from rules.tokens import ConditionError, Token, TokenKind, tokens
from rules.tree import (
    Arithmetic,
    AtLeast,
    Both,
    Call,
    Changed,
    Comparison,
    Count,
    Duration,
    Either,
    Held,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Rate,
    Recently,
    Since,
    Stale,
)

LONGEST = 500  # characters; longer is not a condition an operator could be told
DEEPEST = 40  # nested parentheses, signs and nots
SHORTEST_WINDOW = 0.1  # s
SHORTEST_SLOPE = 1.0  # s
LONGEST_WINDOW = 31 * 86400.0  # s
JUST_NOW = 1.0  # s: `changed(p)` alone

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
FUNCTIONS = {"abs": (1, 1), "min": (2, 8), "max": (2, 8)}
MOST_OPERANDS = 8  # of within, 16 of at_least
OVER_TIME = ("held", "count", "since", "within", "at_least", "rate", "changed", "stale")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
RESERVED = frozenset({"and", "or", "not", "true", "false", *FUNCTIONS, *OVER_TIME})

__all__ = ["RESERVED", "ConditionError", "parse"]


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The tree of a condition; raises ConditionError at the first mistake."""
    if len(text) > LONGEST:
        raise ConditionError("too_long", LONGEST + 1)
    parser = _Parser(tokens(text))
    tree = parser.condition()
    parser.end()
    return tree


class _Parser:
    """Recursive descent; one method for each line of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self, *texts: str) -> Token | None:
        """The next token when it is one of these words or symbols, and go past it."""
        token = self._next
        if token.kind in (TokenKind.WORD, TokenKind.SYMBOL) and token.text in texts:
            self._place += 1
            return token
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise ConditionError("expected", self._next.column, text)

    def end(self) -> None:
        token = self._next
        if token.kind is not TokenKind.END:
            raise ConditionError("unexpected", token.column, token.text)

    def condition(self) -> Node:
        first = self._both()
        operands = [first]
        while self._take("or"):
            operands.append(self._both())
        return first if len(operands) == 1 else Either(tuple(operands), first.column)

    def _both(self) -> Node:
        first = self._negation()
        operands = [first]
        while self._take("and"):
            operands.append(self._negation())
        return first if len(operands) == 1 else Both(tuple(operands), first.column)

    def _negation(self) -> Node:
        token = self._take("not")
        if token is None:
            return self._comparison()
        self._deeper(token)
        operand = self._negation()
        self._depth -= 1
        return Not(operand, token.column)

    def _comparison(self) -> Node:
        left = self._sum()
        token = self._take(*COMPARISONS)
        if token is None:
            return left
        comparison = Comparison(token.text, left, self._sum(), token.column)
        again = self._take(*COMPARISONS)
        if again is not None:
            raise ConditionError("chained", again.column, again.text)
        return comparison

    def _sum(self) -> Node:
        left = self._product()
        while token := self._take("+", "-"):
            left = Arithmetic(token.text, left, self._product(), token.column)
        return left

    def _product(self) -> Node:
        left = self._factor()
        while token := self._take("*", "/"):
            left = Arithmetic(token.text, left, self._factor(), token.column)
        return left

    def _factor(self) -> Node:
        token = self._next
        self._deeper(token)
        self._place += 1
        try:
            if token.kind is TokenKind.NUMBER:
                return self._number(token)
            if token.kind is TokenKind.STRING:
                return Literal(token.text[1:-1], token.column)
            if token.kind is TokenKind.WORD:
                return self._word(token)
            if token.text == "-":
                return Negative(self._factor(), token.column)
            if token.text == "(":
                inner = self.condition()
                self._expect(")")
                return inner
        finally:
            self._depth -= 1
        if token.kind is TokenKind.END:
            raise ConditionError("incomplete", token.column)
        raise ConditionError("unexpected", token.column, token.text)

    def _number(self, token: Token) -> Literal:
        whole = token.text.isdigit()
        return Literal(int(token.text) if whole else float(token.text), token.column, token.unit)

    def _word(self, token: Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", token.column)
        if token.text in OVER_TIME:
            return self._over_time(token)
        if token.text in FUNCTIONS:
            return self._call(token)
        if token.text in RESERVED:
            raise ConditionError("unexpected", token.column, token.text)
        if self._next.text == "(":
            raise ConditionError("unknown_function", token.column, token.text)
        return Name(token.text, token.column)

    def _call(self, token: Token) -> Call:
        self._expect("(")
        arguments = [self.condition()]
        while self._take(","):
            arguments.append(self.condition())
        self._expect(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            raise ConditionError("argument_count", token.column, token.text)
        return Call(token.text, tuple(arguments), token.column)

    def _over_time(self, token: Token) -> Node:
        self._expect("(")
        node = self._inside(token)
        self._expect(")")
        return node

    def _inside(self, token: Token) -> Node:
        match token.text:
            case "rate":
                point = self._point(token)
                return Rate(point, self._window(SHORTEST_SLOPE), token.column)
            case "changed":
                point = self._point(token)
                ends = self._next.text == ")"
                window = Duration(JUST_NOW, token.column) if ends else self._window(SHORTEST_WINDOW)
                return Changed(point, window, token.column)
            case "stale":
                return Stale(self._point(token), token.column)
            case "since":
                return Since(self.condition(), token.column)
            case "within":
                return self._within(token)
            case "at_least":
                return self._at_least(token)
        operand = self.condition()
        window = self._window(SHORTEST_WINDOW)
        return (Held if token.text == "held" else Count)(operand, window, token.column)

    def _within(self, token: Token) -> Node:
        operands = [self.condition()]
        while True:
            self._expect(",")
            if (window := self._last_window()) is not None:
                break
            operands.append(self.condition())
        if not 2 <= len(operands) <= MOST_OPERANDS:
            raise ConditionError("argument_count", token.column, token.text)
        return Both(tuple(Recently(one, window, one.column) for one in operands), token.column)

    def _at_least(self, token: Token) -> Node:
        number = self._next
        if number.kind is not TokenKind.NUMBER or number.unit or not number.text.isdigit():
            raise ConditionError("expected_whole_number", number.column, number.text + number.unit)
        self._place += 1
        operands: list[Node] = []
        window: Duration | None = None
        while window is None and self._take(","):
            window = self._last_window(named=False) if operands else None
            if window is None:
                operands.append(self.condition())
        if not 2 <= len(operands) <= 2 * MOST_OPERANDS or not 1 <= int(number.text) <= len(operands):
            raise ConditionError("argument_count", token.column, token.text)
        if window is not None:
            operands = [Recently(one, window, one.column) for one in operands]
        return AtLeast(int(number.text), tuple(operands), token.column)

    def _last_window(self, named: bool = True) -> Duration | None:
        """A time that the closing parenthesis follows, if one stands here."""
        token, following = self._next, self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        fits = token.kind is TokenKind.NUMBER or (named and token.kind is TokenKind.WORD and token.text not in RESERVED)
        if not fits or following.text != ")":
            return None
        return self._duration(SHORTEST_WINDOW)

    def _point(self, function: Token) -> Name:
        token = self._next
        if token.kind is not TokenKind.WORD or token.text in RESERVED:
            raise ConditionError(
                f"expected_{'point' if function.text == 'rate' else 'any_point'}", token.column, token.text
            )
        self._place += 1
        return Name(token.text, token.column)

    def _window(self, shortest: float) -> Duration:
        self._expect(",")
        return self._duration(shortest)

    def _duration(self, shortest: float) -> Duration:
        token = self._next
        if token.kind is TokenKind.WORD and token.text not in RESERVED:
            self._place += 1
            return Duration(0.0, token.column, token.text)
        if token.kind is not TokenKind.NUMBER or token.unit not in SECONDS:
            raise ConditionError("expected_duration", token.column, token.text + token.unit)
        self._place += 1
        seconds = float(token.text) * SECONDS[token.unit]
        if not shortest <= seconds <= LONGEST_WINDOW:
            raise ConditionError("window_out_of_range", token.column, token.text + token.unit)
        return Duration(seconds, token.column)

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError("too_deep", token.column)
