package io.sambay4j;

import java.util.List;
import java.util.Random;

/** Fresh problems of the two kinds that the model in the box was trained on. */
final class ArithmeticProblems {
  private static final List<String> NAMES =
      List.of(
          ("Ann Ben Cleo Dan Eva Finn Gus Hana Ivan June Kai Lena Milo Nora Omar Pia Quin Rosa Sam Tara"
                  + " Uma Vic Wes Xena Yuri Zoe")
              .split(" "));
  private static final List<String> THINGS =
      List.of("apples books coins cards shells stamps marbles pens keys stones".split(" "));
  private static final List<String> GAINS =
      List.of("buys %s more", "finds %s more", "gets %s more from %s", "wins %s more");
  private static final List<String> LOSSES =
      List.of("gives %s to %s", "loses %s", "sells %s", "drops %s");

  private final Random random;

  ArithmeticProblems(long seed) {
    random = new Random(seed);
  }

  /** A question and its right answer. */
  record Problem(String question, String answer) {}

  Problem wordProblem() {
    int a = number();
    int b = number();
    String who = pick(NAMES);
    String other = pick(NAMES.stream().filter(name -> !name.equals(who)).toList());
    String things = pick(THINGS);
    if (random.nextBoolean()) {
      return new Problem(
          "%s has %d %s and %s. How many %s does %s have?"
              .formatted(who, a, things, pick(GAINS).formatted(b, other), things, who),
          String.valueOf(a + b));
    }
    return new Problem(
        "%s has %d %s and %s. How many %s are left?"
            .formatted(
                who, Math.max(a, b), things, pick(LOSSES).formatted(Math.min(a, b), other), things),
        String.valueOf(Math.abs(a - b)));
  }

  Problem bareSum() {
    int a = number();
    int b = number();
    return random.nextBoolean()
        ? new Problem("What is %d+%d?".formatted(a, b), String.valueOf(a + b))
        : new Problem(
            "What is %d-%d?".formatted(Math.max(a, b), Math.min(a, b)),
            String.valueOf(Math.abs(a - b)));
  }

  private int number() {
    if (random.nextDouble() < 0.2) {
      return random.nextInt(10);
    }
    return random.nextDouble() < 0.6 ? random.nextInt(10, 100) : random.nextInt(100, 1000);
  }

  private String pick(List<String> list) {
    return list.get(random.nextInt(list.size()));
  }
}
