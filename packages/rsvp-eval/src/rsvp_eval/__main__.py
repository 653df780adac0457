"""``python -m rsvp_eval``."""

from rsvp_eval.cli.app import main

main()
