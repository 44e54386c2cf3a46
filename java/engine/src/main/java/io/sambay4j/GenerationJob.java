package io.sambay4j;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Draw;
import io.sambay4j.model.SequenceState;
import io.sambay4j.runtime.Branches;
import io.sambay4j.runtime.Job;
import io.sambay4j.sampling.LogProbabilities;
import io.sambay4j.sampling.Sampler;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.sampling.TokenChoice;
import io.sambay4j.tokenizer.IncrementalDecoder;
import io.sambay4j.tokenizer.StopMatcher;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Reads a prompt, then chooses token after token until something ends it. */
final class GenerationJob extends Job {
  private final GenerationRequest request;
  private final int[] prompt;
  private final int cached;
  private final int maxTokens;
  private final Sampler sampler;
  private final Set<Integer> endTokens;
  private final @Nullable IncrementalDecoder decoder;
  private final StopMatcher stops;
  private final GenerationListener listener;
  private final IntConsumer onFed;
  private final List<GeneratedToken> tokens = new ArrayList<>();
  private final List<PromptToken> promptLogProbabilities = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private @Nullable TokenChoice choice;
  private @Nullable FinishReason finishReason;
  private OptionalInt endToken = OptionalInt.empty();
  private boolean readingPrompt = true;
  private long started;
  private long firstToken;
  private long lastToken;

  /**
   * @param branches shares its prompt; null: alone
   * @param prompt every token before the first generated one
   * @param cached how many of them the sequence has seen
   * @param room tokens the context still takes after the prompt
   * @param longRope what decides on the rotary factors
   * @param decoder null where there is no tokenizer: texts stay empty
   * @param onFed told each token the sequence has seen
   */
  GenerationJob(
      GenerationRequest request,
      SamplingParameters sampling,
      @Nullable Branches branches,
      @Nullable SequenceState state,
      int[] prompt,
      int cached,
      int room,
      LongRopePolicy longRope,
      int vocabularySize,
      List<Integer> endTokens,
      @Nullable IncrementalDecoder decoder,
      GenerationListener listener,
      IntConsumer onFed) {
    super(
        state,
        prompt,
        cached,
        terms(request, branches, prompt.length, Math.min(request.maxTokens(), room), longRope));
    this.request = request;
    this.prompt = prompt;
    this.cached = cached;
    this.maxTokens = Math.min(request.maxTokens(), room);
    this.endTokens = new HashSet<>(request.stopTokens());
    if (!request.ignoreEndTokens()) {
      this.endTokens.addAll(endTokens);
    }
    this.sampler =
        new Sampler(
            sampling,
            vocabularySize,
            prompt,
            request.logitsProcessors(),
            request.constraint() == null ? null : request.constraint().start(),
            this.endTokens.stream().mapToInt(id -> id).toArray());
    this.decoder = decoder;
    this.stops = new StopMatcher(request.stop(), false);
    this.listener = listener;
    this.onFed = onFed;
  }

  private static Terms terms(
      GenerationRequest request,
      @Nullable Branches branches,
      int promptTokens,
      int maxTokens,
      LongRopePolicy longRope) {
    return new Terms(
        longRope.expectedTokens(promptTokens, maxTokens),
        promptTokens + Math.max(0, maxTokens - 1), // the last token is not fed
        request.priority(),
        request.timeLimit(),
        request.prefixCache() && !request.promptLogProbabilities(),
        branches);
  }

  @Override
  protected void started() {
    started = System.nanoTime();
  }

  @Override
  protected Chunk.Wanted wanted(int from, int to, int of) {
    if (readingPrompt && request.promptLogProbabilities()) {
      return Chunk.Wanted.ALL;
    }
    return to == of && maxTokens > 0 ? Chunk.Wanted.LAST : Chunk.Wanted.NONE;
  }

  @Override
  protected void logits(int index, float[] logits) {
    int position = cached + index;
    if (readingPrompt && request.promptLogProbabilities() && position + 1 < prompt.length) {
      int next = prompt[position + 1];
      LogProbabilities model = LogProbabilities.of(logits);
      promptLogProbabilities.add(
          new PromptToken(
              next, model.at(next), model.top(sampler.parameters().logProbabilities())));
    }
    boolean last = !readingPrompt || position + 1 == prompt.length;
    if (last && maxTokens > 0 && !sampler.isComplete()) {
      choice = sampler.next(logits);
    }
  }

  @Override
  protected @Nullable Draw draw() {
    if (!sampler.needsOnlyLogits()) {
      return null;
    }
    SamplingParameters p = sampler.parameters();
    return new Draw(p.temperature(), p.topK(), p.topP(), p.minP(), sampler.nextRandom());
  }

  @Override
  protected void chosen(int token, double logProbability) {
    choice = sampler.accept(token, logProbability);
  }

  @Override
  protected void fed(int[] ids, int done, int of) {
    for (int id : ids) {
      onFed.accept(id);
    }
    if (readingPrompt) {
      listener.onPrompt(cached + done, cached + of);
    }
  }

  @Override
  protected int @Nullable [] next() {
    lastToken = System.nanoTime();
    if (readingPrompt) {
      readingPrompt = false;
      firstToken = lastToken;
    }
    if (maxTokens == 0) {
      finishReason = FinishReason.LENGTH;
      return null;
    }
    if (choice == null) { // the constraint asks for the empty text
      finishReason = FinishReason.STOP;
      return null;
    }
    TokenChoice chosen = choice;
    if (endTokens.contains(chosen.token())) {
      finishReason = FinishReason.STOP;
      endToken = OptionalInt.of(chosen.token());
      emit(chosen, heldBack());
      return null;
    }
    String piece = decoder == null ? "" : stops.append(decoder.append(chosen.token()));
    if (stops.stop().isPresent()) {
      finishReason = FinishReason.STOP;
      emit(chosen, piece);
      return null;
    }
    if (tokens.size() + 1 == maxTokens) {
      finishReason = FinishReason.LENGTH;
    } else if (sampler.isComplete() || wantsToStop(token(chosen, piece))) {
      finishReason = FinishReason.STOP;
    }
    emit(chosen, finishReason == null ? piece : piece + heldBack());
    return finishReason == null ? new int[] {chosen.token()} : null;
  }

  private boolean wantsToStop(GeneratedToken candidate) {
    if (request.stopWhen() == null) {
      return false;
    }
    tokens.add(candidate);
    boolean stop = request.stopWhen().test(Collections.unmodifiableList(tokens));
    tokens.remove(tokens.size() - 1); // it may still get the text held back
    return stop;
  }

  private GeneratedToken token(TokenChoice chosen, String piece) {
    return new GeneratedToken(
        tokens.size(), chosen.token(), piece, chosen.logProbability(), chosen.alternatives());
  }

  private void emit(TokenChoice chosen, String piece) {
    GeneratedToken token = token(chosen, piece);
    text.append(piece);
    tokens.add(token);
    listener.onToken(token);
  }

  /** Text not shown yet: half a character, or what might have become a stop string. */
  private String heldBack() {
    if (decoder == null) {
      return "";
    }
    String rest = stops.append(decoder.finish());
    return stops.stop().isPresent() ? rest : rest + stops.finish();
  }

  @Override
  protected int generatedTokens() {
    return tokens.size();
  }

  @Override
  protected void ended(End end, @Nullable Throwable failure) {
    if (failure != null) {
      listener.onError(failure);
      return;
    }
    listener.onComplete(
        new Generation(
            text.toString(),
            tokens,
            reason(end),
            endToken,
            promptLogProbabilities,
            new Usage(
                prompt.length,
                cachedTokens(),
                tokens.size(),
                Duration.ofNanos(Math.max(0, firstToken - started)),
                Duration.ofNanos(Math.max(0, lastToken - firstToken)))));
  }

  private FinishReason reason(End end) {
    return switch (end) {
      case CANCELLED -> FinishReason.CANCELLED;
      case TIME_LIMIT -> FinishReason.TIME_LIMIT;
      case DONE, FAILED -> Objects.requireNonNull(finishReason);
    };
  }

  @Override
  protected String finishReason(End end) {
    return end == End.FAILED ? end.name() : reason(end).name();
  }
}
