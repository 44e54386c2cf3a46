package io.sambay4j.sampling;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Sampling as docs/sampling.md says it, with nothing but clarity in mind: lists, sorting, arbitrary
 * precision. Shares no code with the sampler, and takes its random numbers from the JDK's own
 * SplitMix64.
 */
final class NaiveSampler {
  private static final double UNIT = 0x1p42;

  private final SamplingParameters parameters;
  private final Set<Integer> seen = new HashSet<>();
  private final Map<Integer, Integer> generated = new HashMap<>();
  private final SplittableRandom random;

  NaiveSampler(SamplingParameters parameters, int[] prompt) {
    this.parameters = parameters;
    for (int token : prompt) {
      seen.add(token);
    }
    random = new SplittableRandom(parameters.seed().orElseThrow());
  }

  int next(float[] logits) {
    float[] adjusted = adjust(logits);
    int token = parameters.temperature() == 0 ? ranked(adjusted).get(0) : draw(kept(adjusted));
    seen.add(token);
    generated.merge(token, 1, Integer::sum);
    return token;
  }

  private float[] adjust(float[] logits) {
    float[] l = logits.clone();
    for (int i = 0; i < l.length; i++) {
      if (l[i] == Float.NEGATIVE_INFINITY) {
        continue;
      }
      l[i] = toFloat(l[i] + parameters.logitBias().getOrDefault(i, 0.0));
      if (seen.contains(i)) {
        double r = parameters.repetitionPenalty();
        l[i] = toFloat(l[i] > 0 ? l[i] / r : l[i] * r);
      }
      int count = generated.getOrDefault(i, 0);
      if (count > 0) {
        l[i] =
            toFloat(l[i] - (parameters.presencePenalty() + parameters.frequencyPenalty() * count));
      }
    }
    return l;
  }

  private static float toFloat(double value) {
    return (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, value));
  }

  private static List<Integer> ranked(float[] logits) {
    List<Integer> ids = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      ids.add(i);
    }
    // A negated zero would come before zero in Float.compare; as logits they are equal.
    ids.sort(
        Comparator.comparingDouble((Integer i) -> logits[i] == 0 ? 0.0 : -logits[i])
            .thenComparing(Comparator.naturalOrder()));
    return ids;
  }

  /** The tokens that survive top-k, top-p and min-p, with their weights. */
  Map<Integer, BigInteger> kept(float[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    BigInteger[] weight = new BigInteger[logits.length];
    for (int i = 0; i < logits.length; i++) {
      double p = StrictMath.exp((logits[i] - max) / parameters.temperature());
      weight[i] = BigInteger.valueOf(Math.round(p * UNIT));
    }
    List<Integer> ids = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      ids.add(i);
    }
    ids.sort(
        Comparator.comparing((Integer i) -> weight[i])
            .reversed()
            .thenComparing(Comparator.naturalOrder()));

    if (parameters.topK() > 0 && parameters.topK() < ids.size()) {
      ids = ids.subList(0, parameters.topK());
    }
    if (parameters.topP() < 1) {
      BigInteger total = BigInteger.ZERO;
      for (int i : ids) {
        total = total.add(weight[i]);
      }
      double share = parameters.topP() * total.doubleValue();
      BigInteger needed =
          new BigDecimal(share).setScale(0, RoundingMode.CEILING).toBigIntegerExact();
      BigInteger sum = weight[ids.get(0)];
      int size = 1;
      while (sum.compareTo(needed) < 0) {
        sum = sum.add(weight[ids.get(size++)]);
      }
      ids = ids.subList(0, size);
    }
    Map<Integer, BigInteger> kept = new HashMap<>();
    for (int i : ids) {
      if (weight[i].doubleValue() >= parameters.minP() * UNIT && weight[i].signum() > 0) {
        kept.put(i, weight[i]);
      }
    }
    return kept;
  }

  private int draw(Map<Integer, BigInteger> kept) {
    BigInteger total = kept.values().stream().reduce(BigInteger.ZERO, BigInteger::add);
    BigInteger unsigned = new BigInteger(Long.toUnsignedString(random.nextLong()));
    BigInteger point = unsigned.multiply(total).shiftRight(64);
    BigInteger sum = BigInteger.ZERO;
    for (int id : kept.keySet().stream().sorted().toList()) {
      sum = sum.add(kept.get(id));
      if (sum.compareTo(point) > 0) {
        return id;
      }
    }
    throw new AssertionError("no token at " + point + " of " + total);
  }
}
