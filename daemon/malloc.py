"""What the C library does with freed memory: large blocks go back to the system at once.

Left alone, glibc raises its threshold for blocks of their own to the largest one that was ever freed, and keeps the
next of that size in its heap: two passwords checked at the same time (16 MiB each) would stay resident for good.
"""

import ctypes

M_MMAP_THRESHOLD = -3  # from malloc.h; see mallopt(3)
LARGE = 1 << 20  # bytes


def return_large_blocks() -> bool:
    """For the whole process, before its threads start. False where the C library has no such setting."""
    try:
        setting = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl returns large blocks anyway
        return False
    return bool(setting(M_MMAP_THRESHOLD, LARGE) == 1)
