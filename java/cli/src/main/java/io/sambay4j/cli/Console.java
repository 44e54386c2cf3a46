package io.sambay4j.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Where a command reads and writes. Answers go to {@code out}; progress and notes to {@code err}.
 * All text is UTF-8, whatever the locale.
 *
 * @param inTerminal whether a person types
 * @param outTerminal whether a person reads the answers as they come
 * @param errTerminal whether a person reads the notes
 * @param color whether terminals are given colours
 */
record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    boolean inTerminal,
    boolean outTerminal,
    boolean errTerminal,
    boolean color) {

  /**
   * Which of the streams 0, 1 and 2 are terminals, as digits: Java 17 cannot tell them apart, the
   * launcher can.
   */
  private static final String TERMINALS = "sambay.terminals";

  /** The streams of the process. */
  static Console system() {
    String terminals = System.getProperty(TERMINALS, "");
    return new Console(
        System.in,
        stream(FileDescriptor.out),
        stream(FileDescriptor.err),
        terminals.contains("0"),
        terminals.contains("1"),
        terminals.contains("2"),
        System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM")));
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /** A line for people, on {@code err}. */
  void note(String line) {
    err.println(line);
    err.flush();
  }

  /** As {@link #note}, less conspicuous where there are colours. */
  void quietNote(String line) {
    note(errTerminal && color ? "\u001b[2m" + line + "\u001b[0m" : line);
  }

  /**
   * All of {@code in}.
   *
   * @throws IllegalArgumentException if it is not UTF-8
   */
  String readAll() {
    try {
      return utf8(in.readAllBytes(), "standard input");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read standard input", e);
    }
  }

  /** Text of bytes that must be UTF-8; a replacement character would change the prompt unseen. */
  static String utf8(byte[] bytes, String source) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "%s is not UTF-8 text at byte %d".formatted(source, buffer.position()), e);
    }
  }
}
