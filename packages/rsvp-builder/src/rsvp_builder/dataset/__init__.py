"""The data set on disk: where things lie, how shards are written, what is reported about them."""
