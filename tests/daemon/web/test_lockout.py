"""Growing delays after failed tries."""

from daemon.web.lockout import LONGEST_DELAY, MOST_KEYS, Lockout


def test_the_first_tries_are_free_then_each_one_doubles_the_wait() -> None:
    lockout = Lockout(free=5)
    waits = []
    now = 0.0
    for _ in range(8):
        lockout.attempt("li", now)
        waits.append(lockout.delay("li", now))
        now += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8]


def test_the_wait_never_exceeds_its_longest() -> None:
    lockout = Lockout(free=1)
    for _ in range(60):
        lockout.attempt("li", 0.0)
        lockout.attempt("local", 0.0, longest=30.0)
    assert lockout.delay("li", 0.0) == LONGEST_DELAY
    assert lockout.delay("local", 0.0) == 30.0


def test_a_success_or_an_hour_of_peace_starts_over() -> None:
    lockout = Lockout(free=1)
    lockout.attempt("li", 0.0)
    lockout.forgive("li")
    assert lockout.delay("li", 0.0) == 0
    for _ in range(10):
        lockout.attempt("wang", 0.0)
    lockout.attempt("wang", 4000.0)
    assert lockout.delay("wang", 4000.0) == 1


def test_ten_thousand_names_do_not_grow_it_without_bound() -> None:
    lockout = Lockout(free=1)
    for number in range(10_000):
        lockout.attempt(f"name-{number}", 0.0)
    assert sum(lockout.delay(f"name-{number}", 0.0) > 0 for number in range(10_000)) == MOST_KEYS
