"""What users install: a wheel, in an environment that has nothing else."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import ROOT, eventually, healthy
from tests.ports import free_port


class WheelTests(SynchronousTestCase):
    """The wheel that is built from this tree."""

    def test_from_another_directory(self) -> None:
        """Installed into a clean environment, it runs from a directory of the user's own."""
        folder = Path(self.mktemp()).absolute()
        home = folder / "home"
        home.mkdir(parents=True)
        tree = self.copy_tree(folder)
        self.run_quietly(
            sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(tree)
        )
        [wheel] = folder.glob("*.whl")
        venv.create(folder / "venv", with_pip=True)
        binaries = folder / "venv" / "bin"
        self.run_quietly(str(binaries / "pip"), "install", "--quiet", str(wheel))
        ws, http = free_port(), free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binaries / "twistd",
                    *("-n", "tpush"),
                    f"--listen-ws=tcp:{ws}:interface=127.0.0.1",
                    f"--listen-http=tcp:{http}:interface=127.0.0.1",
                ],
                cwd=home,
                env={"PATH": "/usr/bin:/bin"},
                stdout=log,
                stderr=log,
            )
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "it is healthy")
        answer = requests.get(f"http://127.0.0.1:{http}/?content=hello", timeout=10)
        self.assertEqual(answer.text, "ok")
        described = requests.get(f"http://127.0.0.1:{http}/v1/openapi.json", timeout=10)
        self.assertEqual(described.json()["openapi"], "3.1.0")
        self.assertEqual(list(home.iterdir()), [], "it leaves no file behind")

    def test_editable(self) -> None:
        """Installed as the Makefile does it, `twistd` finds the roles from any directory."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        tree = self.copy_tree(folder)
        venv.create(folder / "venv", with_pip=True)
        binaries = folder / "venv" / "bin"
        self.run_quietly(str(binaries / "pip"), "install", "--quiet", "--editable", str(tree))
        done = subprocess.run(
            [binaries / "twistd", "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            check=True,
        )
        for role in ("tpush ", "tpush-channel ", "tpush-ws ", "tpush-http "):
            self.assertIn(f"    {role}", done.stdout)

    def copy_tree(self, folder: Path) -> Path:
        """Return a copy of what is in the repository: a build leaves files in its tree."""
        tree = folder / "tree"
        ignore = shutil.ignore_patterns(".*", "_trial_temp*", "build", "*.egg-info")
        shutil.copytree(ROOT, tree, ignore=ignore)
        return tree

    def run_quietly(self, *command: str) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, cwd=self.mktemp_folder()
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def mktemp_folder(self) -> str:
        folder = Path(self.mktemp())
        folder.mkdir()
        return str(folder)
