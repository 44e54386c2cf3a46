package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import io.sambay4j.model.StateTensors.Named;
import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The state of a sequence in a safetensors file: its tokens, its arrays as {@link StateTensors}
 * names them, and in the metadata what model it belongs to, its rotary factors and a SHA-256 of all
 * that. Nothing in a file is believed: it may have been damaged, or made to do harm.
 */
public final class StateFile {
  private static final String TOKENS = "tokens";
  private static final String MODEL = "fingerprint";
  private static final String FACTORS = "rope_factors";
  private static final String CHECKSUM = "sha256";

  private StateFile() {}

  /**
   * A state that is not in any sequence.
   *
   * @param tokens that led to it
   * @param arrays see {@link StateTensors}
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record State(int[] tokens, RopeConfig.Factors factors, Map<String, Named> arrays) {}

  /**
   * What a file says of itself.
   *
   * @param bytes of its arrays
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Header(int[] tokens, RopeConfig.Factors factors, long bytes) {}

  /**
   * Writes a file; it appears once it is complete.
   *
   * @throws java.io.UncheckedIOException if it cannot be written
   */
  public static void write(Path file, String fingerprint, State state) {
    List<Declaration> declarations = new ArrayList<>();
    declarations.add(new Declaration(TOKENS, StorageType.I64, state.tokens().length));
    state
        .arrays()
        .forEach(
            (name, array) ->
                declarations.add(new Declaration(name, StorageType.F32, array.shape())));
    Map<String, String> metadata =
        Map.of(
            MODEL,
            fingerprint,
            FACTORS,
            state.factors().name(),
            CHECKSUM,
            checksum(fingerprint, state));
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, declarations, metadata)) {
      writer.writeLongs(TOKENS, Arrays.stream(state.tokens()).asLongStream().toArray());
      state.arrays().forEach((name, array) -> writer.writeFloats(name, array.values()));
      writer.commit();
    }
  }

  /**
   * Reads what a file is about, but not its arrays.
   *
   * @return empty if it belongs to another model
   * @throws InvalidModelException if it is no file of this kind, or says what cannot be
   */
  public static Optional<Header> readHeader(Path file, SambayModel model) {
    try (SafeTensors saved = SafeTensors.open(file)) {
      return header(saved, model);
    }
  }

  /**
   * Reads a file.
   *
   * @throws InvalidModelException if it is damaged, or belongs to another model
   */
  public static State read(Path file, SambayModel model) {
    try (SafeTensors saved = SafeTensors.open(file)) {
      Header header =
          header(saved, model)
              .orElseThrow(() -> new InvalidModelException(file + " belongs to another model"));
      Map<String, Named> arrays = new LinkedHashMap<>();
      for (TensorInfo info : saved.tensors().values()) {
        if (!info.name().equals(TOKENS)) {
          arrays.put(info.name(), new Named(info.shape(), finite(file, saved, info)));
        }
      }
      State state = new State(header.tokens(), header.factors(), arrays);
      if (!checksum(model.fingerprint(), state).equals(saved.metadata().get(CHECKSUM))) {
        throw new InvalidModelException(file + " is damaged: its checksum is another");
      }
      return state;
    }
  }

  private static Optional<Header> header(SafeTensors saved, SambayModel model) {
    Path file = saved.file();
    String fingerprint = saved.metadata().get(MODEL);
    TensorInfo ids = saved.tensors().get(TOKENS);
    if (fingerprint == null || ids == null) {
      throw new InvalidModelException(
          file + " is no saved state: it names no model, or has no tokens");
    }
    if (!fingerprint.equals(model.fingerprint())) {
      return Optional.empty();
    }
    int limit = model.states().contextLimit();
    if (ids.type() != StorageType.I64 || ids.elements() < 1 || ids.elements() > limit) {
      throw new InvalidModelException(
          "%s has %d tokens as %s, expected 1 to %d as I64"
              .formatted(file, ids.elements(), ids.type(), limit));
    }
    long bytes = saved.tensors().values().stream().mapToLong(TensorInfo::bytes).sum();
    StatePool states = model.states();
    long most = // arrays are f32 in the file, in memory perhaps half as wide
        2 * (states.slotBytes() + ids.elements() * states.cacheBytesPerToken()) + ids.bytes();
    if (bytes > most) {
      throw new InvalidModelException(
          "%s has %d bytes of arrays, a state of its length at most %d"
              .formatted(file, bytes, most));
    }
    int[] tokens = new int[(int) ids.elements()];
    long[] values = saved.readLongs(ids);
    for (int i = 0; i < tokens.length; i++) {
      if (values[i] < 0 || values[i] >= model.config().vocabSize()) {
        throw new InvalidModelException(
            "%s: token id %d is outside the vocabulary of %d"
                .formatted(file, values[i], model.config().vocabSize()));
      }
      tokens[i] = (int) values[i];
    }
    return Optional.of(new Header(tokens, factors(file, saved.metadata().get(FACTORS)), bytes));
  }

  private static RopeConfig.Factors factors(Path file, @Nullable String name) {
    return Arrays.stream(RopeConfig.Factors.values())
        .filter(factors -> factors.name().equals(name))
        .findFirst()
        .orElseThrow(
            () -> new InvalidModelException(file + " does not say which rotary factors it is for"));
  }

  private static float[] finite(Path file, SafeTensors saved, TensorInfo info) {
    if (info.type() != StorageType.F32) {
      throw new InvalidModelException("%s: %s is not F32".formatted(file, info));
    }
    float[] values = saved.readFloats(info);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new InvalidModelException(
            "%s: %s has a number that is not finite".formatted(file, info.name()));
      }
    }
    return values;
  }

  private static String checksum(String fingerprint, State state) {
    MessageDigest digest = ModelFingerprint.sha256();
    ByteBuffer words = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    digest.update((fingerprint + state.factors()).getBytes(StandardCharsets.UTF_8));
    for (int token : state.tokens()) {
      add(digest, words, token);
    }
    state
        .arrays()
        .forEach(
            (name, array) -> {
              flush(digest, words);
              digest.update(
                  (name + Arrays.toString(array.shape())).getBytes(StandardCharsets.UTF_8));
              for (float value : array.values()) {
                add(digest, words, Float.floatToRawIntBits(value));
              }
            });
    flush(digest, words);
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, ByteBuffer words, int word) {
    if (!words.hasRemaining()) {
      flush(digest, words);
    }
    words.putInt(word);
  }

  private static void flush(MessageDigest digest, ByteBuffer words) {
    digest.update(words.flip());
    words.clear();
  }
}
