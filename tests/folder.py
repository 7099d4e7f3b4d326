"""Folders for what has a short path."""

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase


def short_folder(test: SynchronousTestCase) -> Path:
    """Make a folder that goes with its test.

    Not trial's: the path of a unix socket has to be short, wherever the checkout is.
    """
    folder = Path(tempfile.mkdtemp(prefix="tpush-test-"))
    test.addCleanup(shutil.rmtree, folder)
    return folder
