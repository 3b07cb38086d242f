"""Password hashes: scrypt, written as `scrypt$n$r$p$salt$hash` with salt and hash in hex."""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Self

# OWASP Password Storage Cheat Sheet: scrypt N=2^14, r=8, p=5 is one of its equal-strength minima; it needs
# 16 MiB where N=2^17 needs 128 MiB, more than the whole daemon may use.
N, R, P = 2**14, 8, 5
MOST_MEMORY = 64 * 1024 * 1024  # bytes: what a hash from people.yaml may make us allocate
LONGEST = 256  # characters of a password


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A stored password: the scrypt cost (n, r, p), the salt and the derived key."""

    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for anything but `scrypt$n$r$p$salt$hash` of a bearable cost."""
        parts = text.split("$")
        if len(parts) != 6 or parts[0] != "scrypt":
            raise ValueError("not a scrypt$n$r$p$salt$hash")
        n, r, p = (int(part) for part in parts[1:4])
        if n < 2 or n & (n - 1) or not 1 <= r <= 32 or not 1 <= p <= 16 or 128 * n * r > MOST_MEMORY:
            raise ValueError(f"scrypt cost n={n} r={r} p={p} is not bearable")
        salt, key = bytes.fromhex(parts[4]), bytes.fromhex(parts[5])
        if len(salt) < 8 or len(key) < 16:
            raise ValueError("salt under 8 bytes or hash under 16 bytes")
        return cls(n, r, p, salt, key)

    def fits(self, password: str) -> bool:
        """Slow on purpose (about 0.2 s); call it in a thread."""
        return hmac.compare_digest(self.key, _derive(password, self.n, self.r, self.p, self.salt, len(self.key)))

    def __str__(self) -> str:
        return f"scrypt${self.n}${self.r}${self.p}${self.salt.hex()}${self.key.hex()}"


def hash_password(password: str) -> str:
    """The text for `people.yaml`."""
    salt = secrets.token_bytes(16)
    return str(PasswordHash(N, R, P, salt, _derive(password, N, R, P, salt, 32)))


def unusable(like: PasswordHash | None) -> PasswordHash:
    """A hash no password fits, as costly as `like`: an unknown name must take as long as a known one."""
    n, r, p = (like.n, like.r, like.p) if like else (N, R, P)
    return PasswordHash(n, r, p, secrets.token_bytes(16), secrets.token_bytes(32))


def _derive(password: str, n: int, r: int, p: int, salt: bytes, length: int) -> bytes:
    typed = unicodedata.normalize("NFC", password[:LONGEST]).encode()
    return hashlib.scrypt(typed, salt=salt, n=n, r=r, p=p, maxmem=2 * MOST_MEMORY, dklen=length)
