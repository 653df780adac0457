"""Answers without understanding, which a model has to beat before its number means something.

``blind`` sees nothing, ``text-only`` sees the question and where the marks are but no picture,
``retrieval`` copies the answer of the nearest training picture. All three learn from the rows of a data set
that are not evaluated, images of the evaluation left out.
"""

from rsvp_eval.baselines.run import BASELINES, Baseline, baseline, write_baseline

__all__ = ["BASELINES", "Baseline", "baseline", "write_baseline"]
