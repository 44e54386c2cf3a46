package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.sampling.Sampler;
import io.sambay4j.sampling.SamplingParameters;
import org.openjdk.jmh.annotations.Param;

/**
 * The choice of one token from the logits of Phi-4-mini-flash. It is Java and one thread; the floor
 * is that of the whole device.
 */
public class SamplerBenchmark extends OperationBenchmark {
  /** Ways to choose. */
  public enum Method {
    GREEDY,
    /** As the model's card recommends. */
    TOP_P;

    SamplingParameters parameters() {
      return switch (this) {
        case GREEDY -> SamplingParameters.greedy();
        case TOP_P -> SamplingParameters.builder().temperature(0.6).topP(0.95).seed(1).build();
      };
    }
  }

  @Param("200064")
  public int vocabulary;

  @Param public Method method = Method.GREEDY;

  /** One exponential a logit for its probability, another if it is drawn at a temperature. */
  @Override
  public Work work() {
    double exponentials = method == Method.GREEDY ? vocabulary : 2.0 * vocabulary;
    return new Work((double) vocabulary * Float.BYTES, 0, 0, exponentials);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    float[] values = Operands.random(vocabulary);
    float[][] logits = new float[turns.count][];
    for (int copy = 0; copy < logits.length; copy++) {
      logits[copy] = values.clone();
      for (int i = 0; i < vocabulary; i++) {
        logits[copy][i] *= 10;
      }
    }
    Sampler sampler = new Sampler(method.parameters(), vocabulary, new int[0]);
    return () -> sampler.next(logits[turns.next()]);
  }
}
