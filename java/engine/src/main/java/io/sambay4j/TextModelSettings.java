package io.sambay4j;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.WeightFormat;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What may be said when a model is opened: the settings of {@link TextModel.Builder}.
 *
 * @param <B> the builder, which its setters return
 */
abstract class TextModelSettings<B> {
  final Path path;
  String device = "auto";
  @Nullable String target;
  int threads;
  @Nullable WeightFormat weights;
  @Nullable DType activations;
  @Nullable Integer contextLimit;
  int sequences = 8;
  int stepTokens = TextModel.STEP_TOKENS;
  int promptChunk; // 0: by the device
  int queueLimit = TextModel.QUEUE_LIMIT;
  @Nullable Long prefixCacheBytes = 0L; // null: by the memory there is
  @Nullable Path prefixCacheDirectory;
  long prefixCacheFileBytes = TextModel.PREFIX_CACHE_FILE_BYTES;
  boolean deterministic;
  LongRopePolicy longRope = LongRopePolicy.BY_LENGTH;
  ModelLoader.Progress progress = (done, total) -> {};

  TextModelSettings(Path path) {
    this.path = path;
  }

  abstract B self();

  /**
   * {@code auto} (default), {@code cpu}, {@code cuda} (the first card), {@code cuda:N} or {@code
   * reference}.
   */
  public B device(String value) {
    device = value;
    return self();
  }

  /**
   * CPU instruction set: {@code scalar}, {@code avx2}, {@code avx512} or {@code amx}; default: the
   * best here.
   */
  public B target(String value) {
    target = value;
    return self();
  }

  /** Threads of the CPU device; 0, the default: one for each core. */
  public B threads(int value) {
    threads = value;
    return self();
  }

  /**
   * How weight matrices are kept in memory; default: as stored. INT4 keeps embedding and head in
   * INT8, see {@link WeightFormat#INT4}.
   */
  public B weights(DType value) {
    return weights(WeightFormat.of(value));
  }

  /** The same, part by part of the model. */
  public B weights(WeightFormat value) {
    weights = value;
    return self();
  }

  /**
   * How activations and caches are kept: F32 or BF16. Unless said, BF16 in models of 134 million
   * parameters and more with fewer than 32 bits, as published code computes, else F32.
   */
  public B activations(DType value) {
    activations = value;
    return self();
  }

  /**
   * Tokens a sequence may have; default: the smaller of the tokenizer's model_max_length and the
   * model's max_position_embeddings.
   */
  public B contextLimit(int value) {
    contextLimit = value;
    return self();
  }

  /** Sequences held at once, sessions included; others wait. Default 8. */
  public B sequences(int value) {
    sequences = value;
    return self();
  }

  /** Rows of the widest step: the size of a prompt's chunks. Default 512. */
  public B stepTokens(int value) {
    stepTokens = value;
    return self();
  }

  /**
   * Most tokens of a prompt read in one step, at least 1: fewer let others' next tokens come
   * sooner, more may read a prompt faster. Default: 128 on the CPU, where more gains nothing; on a
   * card, and at most, what a step has room for beside a token of every other sequence.
   */
  public B promptChunk(int value) {
    if (value < 1) {
      throw new IllegalArgumentException("promptChunk must be at least 1 but was " + value);
    }
    promptChunk = value;
    return self();
  }

  /**
   * Requests that may wait for a place, at least 1; one more is an {@link EngineBusyException}.
   * Default 65,536.
   */
  public B queueLimit(int value) {
    if (value < 1) {
      throw new IllegalArgumentException("queueLimit must be at least 1 but was " + value);
    }
    queueLimit = value;
    return self();
  }

  /**
   * Memory for the prefix cache: states of past sequences, from which a request starts that begins
   * with the same tokens. 0, the default, is none: a program that asks a model once or holds its
   * conversations in a {@link Session} gains nothing by it. It counts in what the model needs.
   */
  public B prefixCacheBytes(long value) {
    prefixCacheBytes = value;
    return self();
  }

  /**
   * As {@link #prefixCacheBytes}, with as much as is to spare: a quarter of the memory that is free
   * beside weights, states and caches, at most 4 GiB, and none where that is less than a few
   * states. On a card it is the card's memory, elsewhere what the system calls available, within
   * the limits of a container. The log says how much it is.
   */
  public B automaticPrefixCache() {
    prefixCacheBytes = null;
    return self();
  }

  /**
   * A directory for states that the prefix cache's memory has no room for, and for all of them when
   * the model is closed: another run finds them. It is made if it is missing; several models may
   * share it. A file there that is damaged or not of this model is ignored. Default: none. It needs
   * {@link #prefixCacheBytes}.
   */
  public B prefixCacheDirectory(Path value) {
    prefixCacheDirectory = value;
    return self();
  }

  /** Bytes of files that the model keeps there; default 8 GiB. */
  public B prefixCacheFileBytes(long value) {
    if (value < 0) {
      throw new IllegalArgumentException("prefixCacheFileBytes must be 0 or more but was " + value);
    }
    prefixCacheFileBytes = value;
    return self();
  }

  /**
   * Whether the same request must give the same bytes on this machine's CPU: alone, in a crowd,
   * with its prompt read in pieces, or from the prefix cache. Without it that holds within the
   * numeric tolerance, and to the byte for neighbours. Prompts are read more slowly, by 13 % at
   * full size; see docs/prefix-cache.md. Default false.
   */
  public B deterministic(boolean value) {
    deterministic = value;
    return self();
  }

  /** When a model with LongRoPE takes its long rotary factors. Default: as published. */
  public B longRope(LongRopePolicy value) {
    longRope = value;
    return self();
  }

  /** Told how far the loading has come. */
  public B progress(ModelLoader.Progress value) {
    progress = value;
    return self();
  }
}
