package io.sambay4j.weights;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/**
 * What a file was when it was written.
 *
 * @param bytes its length
 * @param sha256 64 lower-case hexadecimal digits
 */
public record FileChecksum(long bytes, String sha256) {
  private static final int CHUNK_BYTES = 1 << 20;

  /**
   * Reads a file from front to back.
   *
   * @param progress told the bytes of each piece
   */
  public static FileChecksum of(Path file, LongConsumer progress) {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] chunk = new byte[CHUNK_BYTES];
      long bytes = 0;
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
        bytes += n;
        progress.accept(n);
      }
      return new FileChecksum(bytes, HexFormat.of().formatHex(digest.digest()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
