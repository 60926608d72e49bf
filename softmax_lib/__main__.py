"""``python -m softmax_lib``: see ``cli.py``."""

import sys

from softmax_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
