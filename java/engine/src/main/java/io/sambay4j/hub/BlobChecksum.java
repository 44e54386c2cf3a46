package io.sambay4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What a hub calls the contents of a file: SHA-256 of large ones, git's blob id of others. */
final class BlobChecksum {
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int SHA256_DIGITS = 64;

  private BlobChecksum() {}

  /**
   * Whether a file on disk is the one listed.
   *
   * <p>It is read from the disk, not summed up as it comes: so bytes of an earlier attempt and
   * faults of the disk are covered too.
   */
  static boolean matches(Path path, RemoteFile file) throws IOException, InterruptedException {
    boolean large = file.hash().length() == SHA256_DIGITS;
    MessageDigest digest = digest(large ? "SHA-256" : "SHA-1");
    if (!large) {
      digest.update(("blob " + file.bytes() + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    long bytes = 0;
    try (InputStream in = Files.newInputStream(path, LinkOption.NOFOLLOW_LINKS)) {
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
        bytes += n;
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      }
    }
    return bytes == file.bytes() && HexFormat.of().formatHex(digest.digest()).equals(file.hash());
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + algorithm, e);
    }
  }
}
