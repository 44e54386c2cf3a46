package io.sambay4j.model;

import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.TensorInfo;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What saved state belongs to: a model's sizes and weights, and how they and the caches are kept.
 * Two models with one fingerprint compute the same states.
 */
final class ModelFingerprint {
  /** Changes with the format of saved state. */
  private static final String VERSION = "1";

  /**
   * Most numbers looked at in a tensor's middle row: training changes all of a tensor, or nothing.
   */
  private static final int SAMPLE = 64;

  private ModelFingerprint() {}

  /**
   * Looks at a piece of every tensor.
   *
   * @param device what the model runs on: it counts where results must not differ by a bit
   * @return 64 hexadecimal digits
   */
  static String of(ModelConfig config, LoadOptions options, Checkpoint checkpoint, String device) {
    MessageDigest digest = sha256();
    WeightFormat weights = options.weights();
    add(digest, VERSION);
    add(digest, config.toString());
    add(digest, weights == null ? "as stored" : weights.toString());
    add(digest, options.activations().name());
    add(digest, options.deterministic() ? device : "");
    for (String name : checkpoint.names()) {
      TensorInfo tensor = checkpoint.tensor(name);
      add(digest, tensor.toString());
      long cols = tensor.elements() / tensor.shape()[0];
      float[] sample =
          new float[(int) Math.min(Math.max(SAMPLE, tensor.type().blockElements()), cols)];
      checkpoint.readFloats(tensor, tensor.shape()[0] / 2 * cols, sample, 0, sample.length);
      for (float value : sample) {
        add(digest, Integer.toHexString(Float.floatToRawIntBits(value)));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
