"""Password hashes of people.yaml."""

import pytest

from daemon.web.password import PasswordHash, hash_password, unusable


def test_a_password_fits_its_own_hash_and_no_other() -> None:
    stored = PasswordHash.parse(hash_password("水岸 correct horse"))
    assert stored.fits("水岸 correct horse")
    assert not stored.fits("水岸 correct horsf")
    assert not unusable(stored).fits("")


def test_the_hash_of_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    stored = PasswordHash.parse(hash_password("x" * 12))
    assert (unusable(stored).n, unusable(stored).r, unusable(stored).p) == (stored.n, stored.r, stored.p)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "bcrypt$2$8$1$" + "00" * 16 + "$" + "00" * 32,
        "scrypt$3$8$1$" + "00" * 16 + "$" + "00" * 32,
        "scrypt$1073741824$8$1$" + "00" * 16 + "$" + "00" * 32,
        "scrypt$16384$8$1$0000$" + "00" * 32,
        "scrypt$16384$8$1$zz$" + "00" * 32,
    ],
)
def test_a_malformed_weak_or_unbearable_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        PasswordHash.parse(text)
