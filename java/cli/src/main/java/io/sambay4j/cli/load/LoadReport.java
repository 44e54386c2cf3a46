package io.sambay4j.cli.load;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The figures of a run. */
public final class LoadReport {
  /**
   * What an answer must keep to be a good one, in seconds; infinity: no demand.
   *
   * @param timeToFirstToken from when the request was due to its first token
   * @param timePerOutputToken from one token to the next, on average
   * @param total to the end
   */
  public record Objectives(double timeToFirstToken, double timePerOutputToken, double total) {
    /** No demands but success. */
    public static final Objectives NONE =
        new Objectives(
            Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);

    /**
     * Reads {@code ttft=0.5,tpot=0.05,e2e=20}, each of them at most once, in seconds.
     *
     * @throws IllegalArgumentException if it is not that
     */
    public static Objectives parse(String text) {
      Map<String, Double> limits = new TreeMap<>();
      for (String part : text.split(",", -1)) {
        String[] sides = part.strip().split("=", -1);
        boolean sane =
            sides.length == 2
                && List.of("ttft", "tpot", "e2e").contains(sides[0])
                && sides[1].matches("\\d{1,9}(\\.\\d{1,9})?|\\.\\d{1,9}");
        if (!sane || limits.put(sides[0], Double.parseDouble(sides[1])) != null) {
          throw new IllegalArgumentException(
              "'%s' is no objective, expected ttft=SECONDS, tpot=SECONDS or e2e=SECONDS, with commas between"
                  .formatted(part));
        }
      }
      double none = Double.POSITIVE_INFINITY;
      return new Objectives(
          limits.getOrDefault("ttft", none),
          limits.getOrDefault("tpot", none),
          limits.getOrDefault("e2e", none));
    }

    /** Whether an answer keeps all of them. */
    public boolean keptBy(Answer answer) {
      double perToken = answer.timePerOutputToken();
      return answer.succeeded()
          && answer.timeToFirstToken() <= timeToFirstToken
          && (Double.isNaN(perToken) || perToken <= timePerOutputToken)
          && answer.total() <= total;
    }
  }

  private final List<Answer> answers;
  private final List<Answer> good;
  private final Objectives objectives;

  /** The figures of these answers. */
  public LoadReport(List<Answer> answers, Objectives objectives) {
    this.answers = List.copyOf(answers);
    this.good = answers.stream().filter(Answer::succeeded).toList();
    this.objectives = objectives;
  }

  /** All answers, failures among them. */
  public List<Answer> answers() {
    return answers;
  }

  /** Answers that came whole. */
  public int succeeded() {
    return good.size();
  }

  /** Failures by what went wrong. */
  public Map<String, Long> errors() {
    Map<String, Long> counts = new TreeMap<>();
    for (Answer answer : answers) {
      String error = answer.error();
      if (error != null) {
        counts.merge(error, 1L, Long::sum);
      }
    }
    return counts;
  }

  /** Seconds from the first request to the last answer's end. */
  public double duration() {
    double begin = answers.stream().mapToDouble(Answer::due).min().orElse(0);
    return answers.stream().mapToDouble(Answer::end).max().orElse(begin) - begin;
  }

  /** Whole answers a second. */
  public double requestRate() {
    return rate(good.size());
  }

  /** Generated tokens a second, of whole answers. */
  public double outputRate() {
    return rate(sum(Answer::generatedTokens));
  }

  /** Prompt tokens a second, of whole answers. */
  public double promptRate() {
    return rate(sum(Answer::promptTokens));
  }

  /** Share of prompt tokens that the server did not have to read. */
  public double cachedShare() {
    double prompt = sum(Answer::promptTokens);
    return prompt == 0 ? 0 : sum(Answer::cachedTokens) / prompt;
  }

  /** Answers a second that keep the objectives. */
  public double goodput() {
    return rate(kept());
  }

  /** Share of all requests whose answers keep the objectives. */
  public double goodShare() {
    return answers.isEmpty() ? 0 : (double) kept() / answers.size();
  }

  private int kept() {
    return (int) good.stream().filter(objectives::keptBy).count();
  }

  /** What was demanded. */
  public Objectives objectives() {
    return objectives;
  }

  /** Mean length of prompts, as the server counts. */
  public double meanPromptTokens() {
    return of(Answer::promptTokens).mean();
  }

  /** Mean length of answers. */
  public double meanOutputTokens() {
    return of(Answer::generatedTokens).mean();
  }

  /** Seconds to the first token. */
  public Quantiles timeToFirstToken() {
    return of(Answer::timeToFirstToken);
  }

  /** Turns of the longest conversation. */
  public int turns() {
    return good.stream().mapToInt(Answer::turn).max().orElse(0);
  }

  /** The figures of the answers of one turn, from 1. */
  public LoadReport ofTurn(int turn) {
    return new LoadReport(
        answers.stream().filter(answer -> answer.turn() == turn).toList(), objectives);
  }

  /** Seconds from one token to the next, an answer's mean. */
  public Quantiles timePerOutputToken() {
    return of(Answer::timePerOutputToken);
  }

  /** Seconds from one piece of an answer to the next, all of them. */
  public Quantiles interTokenLatency() {
    return Quantiles.of(
        good.stream().flatMap(answer -> answer.gaps().stream()).mapToDouble(Double::doubleValue));
  }

  /** Seconds to the end. */
  public Quantiles total() {
    return of(Answer::total);
  }

  /** How late requests were sent, in seconds: if not small, the client was the bottleneck. */
  public Quantiles lateness() {
    return Quantiles.of(answers.stream().mapToDouble(answer -> answer.sent() - answer.due()));
  }

  /** The errors in one line; empty if there were none. */
  public String errorLine() {
    return errors().entrySet().stream()
        .map(error -> "%d x %s".formatted(error.getValue(), error.getKey()))
        .collect(Collectors.joining("; "));
  }

  private double rate(double count) {
    return duration() <= 0 ? 0 : count / duration();
  }

  private double sum(ToDoubleFunction<Answer> value) {
    return good.stream().mapToDouble(value).sum();
  }

  private Quantiles of(ToDoubleFunction<Answer> value) {
    return Quantiles.of(good.stream().mapToDouble(value));
  }
}
