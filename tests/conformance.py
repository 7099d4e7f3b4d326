"""Run the Autobahn TestSuite against the pusher's connections: ``conformance.py SUITE``.

SUITE is a command that takes the URL of a server that echoes, runs the suite's fuzzing client, and
exits with 0 where no case failed.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.integration.processes import Role, accepts, eventually, free_port  # noqa: E402


def main(suite: str) -> int:
    """Run the suite; return its exit status."""
    port = free_port()
    role = Role("-y", str(ROOT / "tests" / "echo.py"), environ={"ECHO_PORT": str(port)})
    try:
        eventually(lambda: accepts("127.0.0.1", port), "the echo listens")
        return subprocess.run([suite, f"ws://127.0.0.1:{port}"], check=False).returncode
    finally:
        role.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: conformance.py SUITE (make conformance SUITE=/path/to/its/run)")
    sys.exit(main(sys.argv[1]))
