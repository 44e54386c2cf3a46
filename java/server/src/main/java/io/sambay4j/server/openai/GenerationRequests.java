package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;
import io.sambay4j.sampling.SamplingParameters;
import java.util.ArrayList;
import java.util.List;

/** Turns what clients ask for into what the engine takes. */
final class GenerationRequests {
  private GenerationRequests() {}

  /** A request for each answer; answer i has the seed of the first plus i, if there is one. */
  static List<GenerationRequest> of(GenerationRequest.Prompt prompt, GenerationFields fields) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < fields.choices(); i++) {
      requests.add(of(prompt, fields, sampling(fields.sampling(), i)));
    }
    return requests;
  }

  private static SamplingParameters sampling(SamplingParameters sampling, int index) {
    return sampling.seed().isEmpty()
        ? sampling
        : sampling.toBuilder().seed(sampling.seed().getAsLong() + index).build();
  }

  private static GenerationRequest of(
      GenerationRequest.Prompt prompt, GenerationFields fields, SamplingParameters sampling) {
    GenerationRequest.Builder builder =
        GenerationRequest.of(prompt)
            .sampling(sampling)
            .stop(fields.stop().toArray(String[]::new))
            .stopTokens(fields.stopTokens().stream().mapToInt(Integer::intValue).toArray())
            .ignoreEndTokens(fields.ignoreEndTokens());
    fields.maxTokens().ifPresent(builder::maxTokens);
    return builder.build();
  }
}
