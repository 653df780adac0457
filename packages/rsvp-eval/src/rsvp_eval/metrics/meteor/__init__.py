"""METEOR 1.5 for English, equal to the jar that pycocoevalcap runs, without Java."""

from rsvp_eval.metrics.meteor.resources import missing
from rsvp_eval.metrics.meteor.scorer import MeteorScorer, meteor

__all__ = ["MeteorScorer", "meteor", "missing"]
