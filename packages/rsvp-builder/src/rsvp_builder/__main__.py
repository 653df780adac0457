"""``python -m rsvp_builder`` is ``rsvp-build``."""

from rsvp_builder.cli.app import main

if __name__ == "__main__":
    main()
