package io.sambay4j.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Messages of one or more lines from standard input. */
final class MessageReader {
  private static final String QUOTES = "\"\"\"";

  private final Console console;
  private final BufferedReader lines;
  private boolean block;
  private volatile boolean discarded;
  private volatile boolean continued;

  MessageReader(Console console) {
    this.console = console;
    this.lines =
        new BufferedReader(
            new InputStreamReader(console.in(), StandardCharsets.UTF_8.newDecoder()));
  }

  /** The next message without its last line break, or null at the end of the input. */
  @Nullable String next() {
    StringBuilder message = new StringBuilder();
    block = false;
    discarded = false;
    continued = false;
    while (true) {
      prompt();
      String line = readLine();
      if (discarded) { // Ctrl-C: what was typed before it is gone
        discarded = false;
        block = false;
        continued = false;
        message.setLength(0);
      }
      if (line == null) {
        return message.isEmpty() && !block ? null : message.toString().stripTrailing();
      }
      if (!continued && line.startsWith(QUOTES)) {
        block = true;
        continued = true;
        line = line.substring(QUOTES.length());
        if (line.isEmpty()) {
          continue;
        }
      }
      if (block) {
        if (line.endsWith(QUOTES)) {
          message.append(line, 0, line.length() - QUOTES.length());
          return message.toString().stripTrailing();
        }
        message.append(line).append('\n');
      } else if (line.endsWith("\\")) {
        continued = true;
        message.append(line, 0, line.length() - 1).append('\n');
      } else {
        return message.append(line).toString();
      }
    }
  }

  /** Whether the last message stood between quotes, so that a leading / means nothing. */
  boolean wasBlock() {
    return block;
  }

  /** Forgets the lines of an unfinished message; may be called from another thread. */
  void discard() {
    discarded = true;
    continued = false;
  }

  /** Shows that a line is expected, to a person. */
  void prompt() {
    if (console.inTerminal()) {
      console.err().print(continued ? "... " : ">>> ");
      console.err().flush();
    }
  }

  private @Nullable String readLine() {
    try {
      return lines.readLine();
    } catch (CharacterCodingException e) {
      throw new UncheckedIOException(
          "cannot read standard input", new IOException("it is not UTF-8 text", e));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read standard input", e);
    }
  }
}
