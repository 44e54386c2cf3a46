package io.sambay4j.bench.peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/** What has been measured, a line of JSON for each process, so that a stopped run goes on. */
final class Samples {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * The result of one process.
   *
   * @param row of {@link Row}, or {@link #LIMITS}
   * @param rate tokens a second; of {@link #LIMITS} bytes a second
   * @param load seconds until the model could be asked
   * @param peak most resident bytes
   * @param anonymous resident bytes at the end that are no file's pages
   * @param about what the engine says of itself
   * @param error empty if it worked
   */
  record Sample(
      int round,
      String row,
      String engine,
      double rate,
      double load,
      long peak,
      long anonymous,
      String about,
      String error) {
    boolean isGood() {
      return error.isEmpty();
    }
  }

  /** The row of the machine's read rate. */
  static final String LIMITS = "limits";

  private final Path file;
  private final List<Sample> all = new ArrayList<>();

  Samples(Path file) throws IOException {
    this.file = file;
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        all.add(JSON.readValue(line, Sample.class));
      }
    }
  }

  void add(Sample sample) throws IOException {
    all.add(sample);
    Files.writeString(
        file,
        JSON.writeValueAsString(JSON.<ObjectNode>valueToTree(sample)) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  boolean isDone(int round, String row, String engine) {
    return all.stream()
        .anyMatch(
            s -> s.round == round && s.row.equals(row) && s.engine.equals(engine) && s.isGood());
  }

  /** Those that worked. */
  List<Sample> good(String row, String engine) {
    return select(s -> s.row.equals(row) && s.engine.equals(engine) && s.isGood());
  }

  /** The last error, or an empty text. */
  String error(String row, String engine) {
    List<Sample> bad = select(s -> s.row.equals(row) && s.engine.equals(engine) && !s.isGood());
    return bad.isEmpty() ? "" : bad.get(bad.size() - 1).error;
  }

  List<Sample> all() {
    return List.copyOf(all);
  }

  private List<Sample> select(Predicate<Sample> wanted) {
    return all.stream().filter(wanted).toList();
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
