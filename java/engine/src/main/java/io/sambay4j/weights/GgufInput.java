package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/**
 * The header of a GGUF file as a stream of little-endian numbers and counted strings. Whatever is
 * read has been {@linkplain #need asked for} before, and compared with what the file still has.
 */
final class GgufInput {
  private static final int BUFFER_BYTES = 1 << 16;

  private final String source;
  private final FileChannel channel;
  private final long length;
  private ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private long filled; // position in the file of the buffer's limit
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder(); // reports errors
  private final CharBuffer decoded = CharBuffer.allocate(256); // what it says is not looked at

  GgufInput(String source, FileChannel channel) throws IOException {
    this.source = source;
    this.channel = channel;
    this.length = channel.size();
  }

  /** Bytes of the whole file. */
  long length() {
    return length;
  }

  /** Bytes read so far. */
  long position() {
    return filled - buffer.remaining();
  }

  /** Bytes the file still has. */
  long remaining() {
    return length - position();
  }

  /**
   * Makes the next bytes available.
   *
   * @param what is being read, for the message
   * @throws InvalidModelException if the file ends before them
   */
  void need(String what, long bytes) throws IOException {
    if (bytes > remaining()) {
      throw new InvalidModelException(
          "%s: %s: %s bytes are needed at byte %d, and the file has %d"
              .formatted(source, what, Long.toUnsignedString(bytes), position(), length));
    }
    if (buffer.remaining() >= bytes) {
      return;
    }
    if (bytes > buffer.capacity()) {
      ByteBuffer larger = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
      buffer = larger.put(buffer).flip();
    }
    buffer.compact();
    while (buffer.position() < bytes) {
      int read = channel.read(buffer, filled);
      if (read < 0) {
        throw new InvalidModelException(
            source + ": the file was shortened while its header was read");
      }
      filled += read;
    }
    buffer.flip();
  }

  /** As {@link #need}, the name being quoted where it is told. */
  void needQuoted(String what, long bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      need(Quote.of(what), bytes);
    }
  }

  byte i8() {
    return buffer.get();
  }

  short i16() {
    return buffer.getShort();
  }

  int i32() {
    return buffer.getInt();
  }

  long i64() {
    return buffer.getLong();
  }

  /**
   * A string: its length in 64 bits, then its bytes in UTF-8.
   *
   * @param what is being read, for the message
   */
  String string(String what, int maxBytes) throws IOException {
    return StandardCharsets.UTF_8.decode(text(what, maxBytes)).toString();
  }

  /**
   * The bytes of a string, well-formed, until more is read.
   *
   * @param what is being read, for the message
   */
  ByteBuffer text(String what, int maxBytes) throws IOException {
    needQuoted(what, Long.BYTES);
    long bytes = i64();
    if (bytes < 0 || bytes > maxBytes) {
      throw new InvalidModelException(
          "%s: %s: a string of %s bytes, expected at most %d"
              .formatted(source, Quote.of(what), Long.toUnsignedString(bytes), maxBytes));
    }
    needQuoted(what, bytes);
    ByteBuffer text = buffer.slice(buffer.position(), (int) bytes);
    buffer.position(buffer.position() + (int) bytes);
    if (!isWellFormed(text.duplicate())) {
      throw new InvalidModelException(
          "%s: %s: a string that is not UTF-8".formatted(source, Quote.of(what)));
    }
    return text;
  }

  private boolean isWellFormed(ByteBuffer text) {
    decoder.reset();
    CoderResult result = CoderResult.OVERFLOW;
    while (result.isOverflow()) {
      result = decoder.decode(text, decoded.clear(), true);
    }
    return !result.isError();
  }
}
