"""A miniature raw release with drawn scenes: for a first look at the toolkit and for the reader tests."""
