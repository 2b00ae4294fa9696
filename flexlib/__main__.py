"""`python -m flexlib`."""

import sys

from flexlib.cli import main

sys.exit(main())
