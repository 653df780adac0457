"""Reading what is scored: predictions, references, and the rows of data sets."""
