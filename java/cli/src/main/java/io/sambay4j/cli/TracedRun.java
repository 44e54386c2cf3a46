package io.sambay4j.cli;

import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StateTensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs prompts through a model as one batch and writes down what it sees. */
final class TracedRun implements AutoCloseable {
  private final SambayModel model;
  private final List<TracedPrompt> prompts;
  private final boolean layers;
  private final List<SequenceState> sequences = new ArrayList<>();
  private final int[] read; // tokens of each prompt that the model has seen

  /** A piece of a prompt in a step. */
  private record Piece(TracedPrompt prompt, int from, int tokens) {}

  TracedRun(SambayModel model, List<TracedPrompt> prompts, boolean layers) {
    this.model = model;
    this.prompts = prompts;
    this.layers = layers;
    this.read = new int[prompts.size()];
    for (TracedPrompt prompt : prompts) {
      SequenceState sequence = model.states().acquire();
      sequence.useRopeFactors(model.config().ropeFactors(prompt.ids().length));
      sequences.add(sequence);
    }
  }

  /**
   * Reads all prompts to their ends, all of them together as far as a step has room.
   *
   * @param chunk tokens of a prompt in one step at most
   */
  void readPrompts(int chunk) {
    while (readStep(chunk)) {}
    if (layers) {
      for (int i = 0; i < prompts.size(); i++) {
        prompts.get(i).addState(StateTensors.export(model, sequences.get(i)));
      }
    }
  }

  private boolean readStep(int chunk) {
    List<Chunk> chunks = new ArrayList<>();
    List<Piece> pieces = new ArrayList<>();
    int room = model.maxStepTokens();
    for (int i = 0; i < prompts.size(); i++) {
      int[] ids = prompts.get(i).ids();
      int tokens = Math.min(Math.min(chunk, room), ids.length - read[i]);
      if (tokens > 0) {
        int[] next = Arrays.copyOfRange(ids, read[i], read[i] + tokens);
        chunks.add(new Chunk(sequences.get(i), next, Wanted.ALL));
        pieces.add(new Piece(prompts.get(i), read[i], tokens));
        read[i] += tokens;
        room -= tokens;
      }
    }
    if (chunks.isEmpty()) {
      return false;
    }
    model.forward(
        chunks,
        (piece, token, row) -> {
          Piece p = pieces.get(piece);
          p.prompt().addLogits(p.from() + token, row.clone());
        },
        layers ? new LayerTap(pieces) : null);
    return true;
  }

  /** Every row is wanted, so the rows of a tapped tensor are the pieces end to end. */
  private final class LayerTap implements SambayModel.Tap {
    private final List<Piece> pieces;

    LayerTap(List<Piece> pieces) {
      this.pieces = pieces;
    }

    @Override
    public void hidden(int index, Tensor h) {
      add("hidden." + index, h);
    }

    @Override
    public void memory(Tensor memory) {
      add("memory", memory);
    }

    @Override
    public void finalNorm(Tensor normed) {
      add("final_norm", normed);
    }

    private void add(String name, Tensor tensor) {
      int row = 0;
      for (Piece piece : pieces) {
        for (int token = 0; token < piece.tokens(); token++, row++) {
          float[] values = new float[tensor.cols()];
          model.backend().download(tensor.rows(row, row + 1), values, 0);
          piece.prompt().addLayer(name, piece.from() + token, values);
        }
      }
    }
  }

  /**
   * Takes the most probable token of every prompt, the lowest id among equals, and goes on from it.
   */
  void continueGreedily(int steps) {
    float[][] last = prompts.stream().map(TracedPrompt::lastLogits).toArray(float[][]::new);
    for (int step = 0; step < steps; step++) {
      List<Chunk> chunks = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        int id = mostProbable(last[i]);
        prompts.get(i).addGreedy(id, last[i]);
        readAgainIfLong(i);
        chunks.add(new Chunk(sequences.get(i), new int[] {id}, Wanted.LAST));
      }
      model.forward(chunks, (chunk, token, row) -> last[chunk] = row.clone());
    }
    for (int i = 0; i < prompts.size(); i++) {
      prompts.get(i).endGreedy(last[i]);
    }
  }

  /**
   * Where the next token takes a sequence beyond the original context of LongRoPE, everything
   * before it is read again under the long factors.
   */
  private void readAgainIfLong(int prompt) {
    SequenceState sequence = sequences.get(prompt);
    RopeConfig.Factors needed = model.config().ropeFactors(sequence.length() + 1);
    if (needed == sequence.ropeFactors()) {
      return;
    }
    int[] past = prompts.get(prompt).pastIds();
    model.states().clear(sequence);
    sequence.useRopeFactors(needed);
    for (int from = 0; from < past.length; from += model.maxStepTokens()) {
      int to = Math.min(past.length, from + model.maxStepTokens());
      int[] ids = Arrays.copyOfRange(past, from, to);
      model.forward(List.of(new Chunk(sequence, ids, Wanted.NONE)), (chunk, token, row) -> {});
    }
  }

  private static int mostProbable(float[] logits) {
    int best = 0;
    for (int id = 0; id < logits.length; id++) {
      if (Float.isNaN(logits[id])) {
        throw new IllegalStateException(
            "the logit of token %d is not a number, so no token is the most probable; 'sambay inspect --check' looks for bad weights"
                .formatted(id));
      }
      if (logits[id] > logits[best]) {
        best = id;
      }
    }
    return best;
  }

  @Override
  public void close() {
    sequences.forEach(SequenceState::close);
  }
}
