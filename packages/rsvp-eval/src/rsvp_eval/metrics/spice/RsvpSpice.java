import edu.anu.spice.SpiceParser;
import edu.anu.spice.TupleFilter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.json.simple.JSONValue;

/**
 * Gives the tuples that SPICE's parser finds in captions, as JSON lines.
 *
 * <p>SPICE's own writer needs a script engine that Java no longer has, and its cache needs a native library;
 * neither is used. Arguments: a file with one caption, a JSON string, a line; captions to parse at once; threads.
 * Standard output, one object a line:
 *
 * <pre>
 * {"words": {"cardinality": [..], "color": [..], "size": [..]}}   the lists behind SPICE's categories
 * {"ready": true}                                                 the models are loaded
 * {"batch": [first, behind the last]}                             captions that are parsed next
 * {"caption": number, "tuples": [[..], ..]}
 * {"caption": number, "error": ".."}                              and so this caption has no tuples
 * {"fatal": ".."}                                                 nothing can be parsed
 * {"done": captions}
 * </pre>
 */
public class RsvpSpice extends SpiceParser {
    private static PrintStream out;

    private RsvpSpice(int threads) {
        super(null, threads, true);
    }

    public static void main(String[] args) throws IOException {
        out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        System.setOut(System.err);
        try {
            run(Path.of(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]));
        } catch (Throwable t) {
            t.printStackTrace();
            say("{\"fatal\": " + JSONValue.toJSONString(reason(t)) + "}");
            System.exit(3);
        }
        System.exit(0);
    }

    private static void run(Path input, int size, int threads) throws IOException {
        say("{\"words\": {\"cardinality\": " + array(TupleFilter.smallNumbers) + ", \"color\": "
                + array(TupleFilter.commonColors) + ", \"size\": " + array(TupleFilter.sizeAdjectives) + "}}");
        List<String> captions = new ArrayList<>();
        for (String line : Files.readAllLines(input, StandardCharsets.UTF_8)) {
            captions.add((String) JSONValue.parse(line));
        }
        if (!captions.isEmpty()) {
            RsvpSpice parser = new RsvpSpice(threads);
            parser.generateTuples(List.of("a dog"));
            say("{\"ready\": true}");
            for (int first = 0; first < captions.size(); first += size) {
                int end = Math.min(first + size, captions.size());
                say("{\"batch\": [" + first + ", " + end + "]}");
                parser.parse(captions.subList(first, end), first);
            }
        }
        say("{\"done\": " + captions.size() + "}");
    }

    /** Parse captions; where they cannot be parsed together, one by one, to find out which is to blame. */
    private void parse(List<String> captions, int first) {
        Map<String, ArrayList<ArrayList<String>>> parses;
        try {
            parses = generateTuples(new ArrayList<>(captions));
        } catch (Exception | StackOverflowError | OutOfMemoryError e) {
            if (captions.size() == 1) {
                say("{\"caption\": " + first + ", \"error\": " + JSONValue.toJSONString(reason(e)) + "}");
            } else {
                for (int i = 0; i < captions.size(); i++) parse(captions.subList(i, i + 1), first + i);
            }
            return;
        }
        for (int i = 0; i < captions.size(); i++) {
            List<ArrayList<String>> tuples = parses.get(captions.get(i));
            if (tuples == null) {
                say("{\"caption\": " + (first + i) + ", \"error\": \"SPICE's parser gave nothing for it\"}");
                continue;
            }
            List<String> listed = new ArrayList<>();
            for (ArrayList<String> tuple : tuples) listed.add(array(tuple));
            say("{\"caption\": " + (first + i) + ", \"tuples\": [" + String.join(", ", listed) + "]}");
        }
    }

    private static void say(String line) {
        out.println(line);
        out.flush();
    }

    private static String array(Collection<String> words) {
        List<String> listed = new ArrayList<>();
        for (String word : words) listed.add(JSONValue.toJSONString(word));
        return "[" + String.join(", ", listed) + "]";
    }

    private static String reason(Throwable t) {
        List<String> chain = new ArrayList<>();
        for (Throwable cause = t; cause != null && chain.size() < 8; cause = cause.getCause()) chain.add(cause.toString());
        return String.join("; because of ", chain);
    }
}
