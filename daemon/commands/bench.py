"""`estated bench`: runs tests/bench of the source checkout that this program belongs to."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def main_bench(parts: list[str], quick: bool) -> int:
    if not (ROOT / "tests" / "bench" / "__main__.py").exists():
        print(
            "estated bench: needs the source checkout (tests/bench is not part of an installed package)",
            file=sys.stderr,
        )
        return 1
    command = [sys.executable, "-m", "tests.bench", *parts, *(["--quick"] if quick else [])]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
