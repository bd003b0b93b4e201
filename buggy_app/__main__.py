"""Start one replica."""

from buggy_app.replica import main

if __name__ == "__main__":
    main()
