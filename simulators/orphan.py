"""A child process that ends with its parent, however the parent ends."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1  # prctl(2): the signal this process gets when the thread that started it is gone


def end_with_parent() -> None:
    """For `preexec_fn`: SIGTERM when the parent dies, even by SIGKILL, so that nothing is left behind. Linux only."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
