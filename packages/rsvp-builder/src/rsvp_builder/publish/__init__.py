"""A finished data set made public: what may go, its description for machines, and the sending."""
