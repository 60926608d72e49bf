"""``python -m softmax_lib``: see ``cli.py``."""

import sys

from softmax_lib.cli import main

sys.exit(main())
