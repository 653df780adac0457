"""Data sets that lie on a URL: shards go there from the workers, everything small is mirrored here."""
