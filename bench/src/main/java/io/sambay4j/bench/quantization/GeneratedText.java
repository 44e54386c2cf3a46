package io.sambay4j.bench.quantization;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.sampling.Sampler;
import io.sambay4j.sampling.SamplingParameters;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tokens that a model generated from one start token, in a file, one id a line. A file that is too
 * short is continued where it ends, so a long generation may be stopped and taken up again; the
 * tokens are the same.
 */
final class GeneratedText {
  private static final double TEMPERATURE = 0.6; // as the published model recommends
  private static final double TOP_P = 0.95;
  private static final int PROGRESS = 256;

  private final Path file;
  private final long seed;

  GeneratedText(Path file, long seed) {
    this.file = file;
    this.seed = seed;
  }

  /** The ids in the file, none if there is no file. */
  int[] read() throws IOException {
    return Files.exists(file)
        ? Files.readAllLines(file).stream().mapToInt(Integer::parseInt).toArray()
        : new int[0];
  }

  /**
   * Generates what is missing; tokens that end a text do not end this one.
   *
   * @param model with room for so many tokens
   * @param start the token before the first
   */
  void extend(SambayModel model, int start, int tokens) throws IOException {
    int[] known = read();
    Sampler sampler =
        new Sampler(
            SamplingParameters.builder().temperature(TEMPERATURE).topP(TOP_P).seed(seed).build(),
            model.config().vocabSize(),
            new int[] {start});
    for (int id : known) {
      sampler.accept(id, 0);
    }
    List<Integer> ids = new ArrayList<>(List.of(start));
    Arrays.stream(known).forEach(ids::add);
    try (SequenceState sequence = model.states().acquire();
        BufferedWriter out =
            Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      int next = ids.size() - 1;
      for (int first = 0; first < next; first += model.maxStepTokens()) { // what has been generated
        int[] chunk =
            ids.subList(first, Math.min(next, first + model.maxStepTokens())).stream()
                .mapToInt(i -> i)
                .toArray();
        model.forward(
            List.of(new Chunk(sequence, chunk, Wanted.NONE)), (chunkIndex, token, logits) -> {});
      }
      int[] last = {ids.get(next)};
      long began = System.nanoTime();
      for (int done = known.length; done < tokens; done++) {
        model.forward(
            List.of(new Chunk(sequence, last.clone(), Wanted.LAST)),
            (chunkIndex, token, logits) -> last[0] = sampler.next(logits).token());
        out.write(last[0] + "\n");
        if ((done + 1) % PROGRESS == 0) {
          out.flush();
          double rate = (done + 1 - known.length) / ((System.nanoTime() - began) / 1e9);
          System.err.printf("%d of %d tokens, %.1f a second%n", done + 1, tokens, rate);
        }
      }
    }
  }
}
