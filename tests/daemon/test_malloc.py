"""What stays resident of memory that was freed."""

import subprocess
import sys

CHILD = """
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from daemon.malloc import return_large_blocks
from daemon.web.password import hash_password

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmRSS"))

assert return_large_blocks()
before = resident()
with ThreadPoolExecutor(2) as threads:
    list(threads.map(hash_password, ["one", "two", "three", "four", "five", "six"]))
    print(resident() - before)
"""


def test_checking_passwords_leaves_no_memory_behind() -> None:
    """Each takes 16 MiB while it is checked; two threads that check would keep 32 of the 90 the daemon may use."""
    answer = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True, timeout=60)
    assert int(answer.stdout) < 4096, "KiB more than before the passwords"
