"""Makes data sets ahead of a run: `python3 -m data [NAME…]` in the folder of run.py."""

import sys

from . import NAMES, make


def main() -> int:
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            print(f"no data set is called {name}; known are {', '.join(NAMES)}", file=sys.stderr)
            return 2
        made = make(name)
        made.ensure()
        made.show("before")
        print(made.path)
    return 0


sys.exit(main())
