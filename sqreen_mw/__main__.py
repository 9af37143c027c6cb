"""``python -m sqreen_mw`` is ``sqreen-mw``."""

from sqreen_mw.cli import main

if __name__ == "__main__":
    main()
