"""Running a build: ``plan`` cuts it into units, ``unit`` does one, ``run`` does all of them."""
