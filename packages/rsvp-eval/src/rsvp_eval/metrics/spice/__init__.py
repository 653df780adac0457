"""SPICE: agreement of what captions say, as objects, attributes and relations (Anderson et al., ECCV 2016).

Its parser is the user's own (``RSVP_SPICE_HOME``); from its tuples on, everything is done here. Where the
parser is not there, the metric is missing: no other parser stands in for it.
"""

from rsvp_eval.metrics.spice.detailed import detailed_scores, read_detailed
from rsvp_eval.metrics.spice.home import missing
from rsvp_eval.metrics.spice.run import SpiceParser
from rsvp_eval.metrics.spice.score import CategoryWords, Evaluation, categories_of_tuples, spice_of_tuples
from rsvp_eval.metrics.spice.scorer import SpiceScorer, spice

__all__ = [
    "CategoryWords",
    "Evaluation",
    "SpiceParser",
    "SpiceScorer",
    "categories_of_tuples",
    "detailed_scores",
    "missing",
    "read_detailed",
    "spice",
    "spice_of_tuples",
]
