"""Conditions from text to tree: what may be written, and where a mistake stands.

    condition  = both { "or" both }
    both       = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
    sum        = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | number | string | "true" | "false" | name | call | "(" condition ")"
    call       = ("abs" | "min" | "max") "(" condition { "," condition } ")"
               | "rate" "(" name "," number ("ms" | "s" | "m" | "h") ")"

Text becomes a tree here and nothing else: it is never given to Python's own evaluation.
"""

import re
from dataclasses import dataclass

from rules.tree import Arithmetic, Both, Call, Comparison, Either, Literal, Name, Negative, Node, Not, Rate

LONGEST = 500  # characters; longer is not a condition an operator could be told
DEEPEST = 40  # nested parentheses, signs and nots
LONGEST_WINDOW = 3600.0  # s

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
FUNCTIONS = {"abs": (1, 1), "min": (2, 8), "max": (2, 8)}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
RESERVED = frozenset({"and", "or", "not", "true", "false", "rate", *FUNCTIONS})

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:\d+\.\d+|\d+)(?:[eE][-+]?\d{1,3})?(?P<unit>[A-Za-z_]\w*)?)
      | (?P<string>"[^"\n]*"|'[^'\n]*')
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>==|!=|<=|>=|[-+*/()<>,])""",
    re.VERBOSE,
)


class ConditionError(ValueError):
    """A condition that means nothing; `word` is the wrong part. `rule_<code>` in rules/messages.yaml tells people."""

    def __init__(self, code: str, column: int, word: str = "", near: str = "") -> None:
        what = code.replace("_", " ") + (f": {word}" if word else "") + (f" (did you mean {near}?)" if near else "")
        super().__init__(f"column {column}: {what}")
        self.code = code
        self.column = column
        self.word = word
        self.near = near


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    unit: str
    column: int


def parse(text: str) -> Node:
    """The tree of a condition; raises ConditionError at the first mistake."""
    if len(text) > LONGEST:
        raise ConditionError("too_long", LONGEST + 1)
    parser = _Parser(_tokens(text))
    tree = parser.condition()
    parser.end()
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            opened = text[place] in "\"'"
            raise ConditionError("open_string" if opened else "unexpected", place + 1, text[place])
        if found.lastgroup != "space":
            unit = found["unit"] or ""
            kind = "number" if found["number"] else "string" if found["string"] else found.lastgroup or ""
            tokens.append(_Token(kind, found[0].removesuffix(unit) if unit else found[0], unit, place + 1))
        place = found.end()
    tokens.append(_Token("end", "", "", len(text) + 1))
    return tokens


class _Parser:
    """Recursive descent; one method for each line of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, *texts: str) -> _Token | None:
        """The next token when it is one of these words or symbols, and go past it."""
        token = self._next
        if token.kind in ("word", "symbol") and token.text in texts:
            self._place += 1
            return token
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise ConditionError("expected", self._next.column, text)

    def end(self) -> None:
        token = self._next
        if token.kind != "end":
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
            if token.kind == "number":
                return self._number(token)
            if token.kind == "string":
                return Literal(token.text[1:-1], token.column)
            if token.kind == "word":
                return self._word(token)
            if token.text == "-":
                return Negative(self._factor(), token.column)
            if token.text == "(":
                inner = self.condition()
                self._expect(")")
                return inner
        finally:
            self._depth -= 1
        if token.kind == "end":
            raise ConditionError("incomplete", token.column)
        raise ConditionError("unexpected", token.column, token.text)

    def _number(self, token: _Token) -> Literal:
        if token.unit:
            raise ConditionError("stray_unit", token.column, token.text + token.unit)
        whole = token.text.isdigit()
        return Literal(int(token.text) if whole else float(token.text), token.column)

    def _word(self, token: _Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", token.column)
        if token.text == "rate":
            return self._rate(token)
        if token.text in FUNCTIONS:
            return self._call(token)
        if token.text in RESERVED:
            raise ConditionError("unexpected", token.column, token.text)
        if self._next.text == "(":
            raise ConditionError("unknown_function", token.column, token.text)
        return Name(token.text, token.column)

    def _call(self, token: _Token) -> Call:
        self._expect("(")
        arguments = [self.condition()]
        while self._take(","):
            arguments.append(self.condition())
        self._expect(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            raise ConditionError("argument_count", token.column, token.text)
        return Call(token.text, tuple(arguments), token.column)

    def _rate(self, token: _Token) -> Rate:
        self._expect("(")
        point = self._next
        if point.kind != "word" or point.text in RESERVED:
            raise ConditionError("expected_point", point.column, point.text)
        self._place += 1
        self._expect(",")
        length = self._next
        if length.kind != "number" or length.unit not in SECONDS:
            raise ConditionError("expected_duration", length.column, length.text + length.unit)
        self._place += 1
        self._expect(")")
        window = float(length.text) * SECONDS[length.unit]
        if not 1.0 <= window <= LONGEST_WINDOW:
            raise ConditionError("window_out_of_range", length.column, length.text + length.unit)
        return Rate(Name(point.text, point.column), window, token.column)

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError("too_deep", token.column)
