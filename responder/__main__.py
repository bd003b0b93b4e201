"""`python -m responder`."""

import sys

from responder.main import main

if __name__ == "__main__":
    sys.exit(main())
