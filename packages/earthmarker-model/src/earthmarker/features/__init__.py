"""Features of pictures and prompts, computed once: the encoders never train, so they need not run twice."""

from earthmarker.features.compute import compute
from earthmarker.features.store import FeatureStore, StaleCacheError

__all__ = ["FeatureStore", "StaleCacheError", "compute"]
