"""Answers: of a whole data set into a file, and of one picture at a time."""

from earthmarker.inference.ask import Conversation
from earthmarker.inference.batch import Answerer
from earthmarker.inference.load import ready
from earthmarker.inference.predict import predict

__all__ = ["Answerer", "Conversation", "predict", "ready"]
