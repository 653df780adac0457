"""The reader of VOC-like XML, and the releases that it reads."""
