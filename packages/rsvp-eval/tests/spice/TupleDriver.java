import edu.anu.spice.LmdbTupleDB;
import edu.anu.spice.SpiceArguments;
import edu.anu.spice.SpiceScorer;
import edu.anu.spice.TupleFilter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.json.simple.JSONArray;
import org.json.simple.JSONObject;
import org.json.simple.JSONValue;

/**
 * Runs SPICE over captions whose tuples are given: they are laid into its cache of parses, so that it never asks
 * for the parser.
 *
 * <p>Arguments: a folder for the cache; a file {"parses": {caption: [tuple, ...]}, "input": what SPICE reads}.
 * Standard output: what SPICE writes with -detailed and -subset, and the word lists of its categories.
 */
public class TupleDriver {
    private static <T> T construct(Class<T> of, Object... arguments) throws Exception {
        Class<?>[] types = arguments.length == 0 ? new Class<?>[0] : new Class<?>[] {String[].class};
        Constructor<T> constructor = of.getDeclaredConstructor(types);
        constructor.setAccessible(true);
        return constructor.newInstance(arguments);
    }

    private static ArrayList<ArrayList<String>> tuples(Object listed) {
        ArrayList<ArrayList<String>> tuples = new ArrayList<>();
        for (Object tuple : (JSONArray) listed) {
            ArrayList<String> words = new ArrayList<>();
            for (Object word : (JSONArray) tuple) words.add((String) word);
            tuples.add(words);
        }
        return tuples;
    }

    private static String array(Collection<String> words) {
        StringBuilder listed = new StringBuilder();
        for (String word : words) listed.append(listed.length() == 0 ? "" : ",").append(JSONValue.toJSONString(word));
        return "[" + listed + "]";
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        System.setOut(System.err);
        JSONObject given = (JSONObject) JSONValue.parse(new FileReader(args[1]));
        Map<String, ArrayList<ArrayList<String>>> parses = new HashMap<>();
        for (Object entry : ((JSONObject) given.get("parses")).entrySet()) {
            Map.Entry<?, ?> parse = (Map.Entry<?, ?>) entry;
            parses.put((String) parse.getKey(), tuples(parse.getValue()));
        }
        Path input = Path.of(args[0], "input.json");
        Files.writeString(input, given.get("input").toString());
        new LmdbTupleDB(args[0]).putTransaction(parses);
        String[] options = {input.toString(), "-cache", args[0], "-detailed", "-subset", "-silent", "-threads", "1"};
        SpiceScorer scorer = construct(SpiceScorer.class);
        scorer.scoreBatch(construct(SpiceArguments.class, (Object) options));
        out.println("{\"words\": {\"cardinality\": " + array(TupleFilter.smallNumbers)
                + ", \"color\": " + array(TupleFilter.commonColors)
                + ", \"size\": " + array(TupleFilter.sizeAdjectives)
                + "}, \"results\": " + scorer.stats.toJSONString() + "}");
        out.flush();
    }
}
