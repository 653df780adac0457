package edu.anu.spice;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Stands in for SPICE's parser: has the names that RsvpSpice.java calls, and does as the captions say. */
public class SpiceParser {
    public SpiceParser(String cache, int threads, Boolean mergeSimilarNodes) {
        System.out.println("chatter on standard output");
    }

    public static void main(String[] args) throws IOException {}

    protected Map<String, ArrayList<ArrayList<String>>> generateTuples(List<String> captions) {
        System.out.println("parsing " + captions.size());
        Map<String, ArrayList<ArrayList<String>>> parses = new HashMap<>();
        for (String caption : captions) {
            if (caption.contains("boom")) throw new IllegalStateException("no tree for it");
            if (caption.contains("forget")) continue;
            if (caption.contains("leave")) System.exit(7);
            if (caption.contains("recurse")) throw new StackOverflowError();
            if (caption.contains("hang")) {
                try {
                    Thread.sleep(600_000);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            ArrayList<ArrayList<String>> tuples = new ArrayList<>();
            for (String tuple : caption.split(";")) tuples.add(new ArrayList<>(List.of(tuple.split(","))));
            parses.put(caption, tuples);
        }
        return parses;
    }
}
