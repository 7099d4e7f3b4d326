"""``python -m tpush.command``."""

import sys

from tpush.command.main import main

sys.exit(main())
