"""The command line, ``rsvp-build``. Commands import what they need when they run, so help is quick."""
