package edu.anu.spice;

import java.util.Set;

/** Stands in for the word lists of SPICE's categories. */
public interface TupleFilter {
    Set<String> smallNumbers = Set.of("one", "two");
    Set<String> commonColors = Set.of("red");
    Set<String> sizeAdjectives = Set.of("big");
}
