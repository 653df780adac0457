"""Public remote-sensing releases in, visual-prompt conversations out.

The command line is ``rsvp-build``; the same work is available from Python through
:func:`rsvp_builder.build.build`.
"""

__version__ = "0.1.0"
