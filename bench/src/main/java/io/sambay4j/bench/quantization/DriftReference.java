package io.sambay4j.bench.quantization;

import io.sambay4j.model.SambayModel;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * What the weights as stored computed at some positions of a text, in a file of f32: for each
 * position logits, memory and hidden. Read once, from the first position to the last.
 */
final class DriftReference implements AutoCloseable {
  private static final int BUFFER = 1 << 20;

  private final DataInputStream in;

  private DriftReference(DataInputStream in) {
    this.in = in;
  }

  static boolean isComplete(Path file) {
    return Files.exists(file);
  }

  /** Writes the file; it has its name when it is whole. */
  static void write(Path file, SambayModel model, int[] text, int every) throws IOException {
    Path growing = file.resolveSibling(file.getFileName() + ".tmp");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(growing), BUFFER)) {
      ReadText.read(
          model,
          text,
          every,
          (position, logits, memory, hidden) -> {
            for (float[] values : new float[][] {logits, memory, hidden}) {
              out.write(encode(values));
            }
          });
    }
    Files.move(growing, file, StandardCopyOption.ATOMIC_MOVE);
  }

  static DriftReference open(Path file) throws IOException {
    return new DriftReference(
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER)));
  }

  /** The next so many numbers. */
  float[] next(int count) throws IOException {
    byte[] bytes = new byte[count * Float.BYTES];
    in.readFully(bytes);
    float[] values = new float[count];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static byte[] encode(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
