"""A finished data set in the form that other trainers read."""
