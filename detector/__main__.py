"""`python -m detector`."""

from detector.main import main

raise SystemExit(main())
