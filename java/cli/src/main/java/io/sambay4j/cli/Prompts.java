package io.sambay4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where a command takes its text from: the argument, a file, or standard input. */
final class Prompts {
  @Parameters(
      arity = "0..1",
      paramLabel = "TEXT",
      description = "The text; - or nothing: standard input.")
  private @Nullable String text;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      order = 10,
      description = "Take the text from a file.")
  private @Nullable Path file;

  /**
   * The text. The line break that ends a file or standard input is not part of it.
   *
   * @throws IllegalArgumentException if there are two texts, or it is not UTF-8
   */
  String read(Console console) {
    if (file != null) {
      if (text != null) {
        throw new IllegalArgumentException("give the text as an argument or with --file, not both");
      }
      try {
        return withoutLastBreak(Console.utf8(Files.readAllBytes(file), file.toString()));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + file, e);
      }
    }
    if (text != null && !text.equals("-")) {
      return text;
    }
    if (console.inTerminal()) {
      console.quietNote("(type the text; Ctrl-D on an empty line ends it)");
    }
    return withoutLastBreak(console.readAll());
  }

  private static String withoutLastBreak(String text) {
    if (text.endsWith("\r\n")) {
      return text.substring(0, text.length() - 2);
    }
    return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }
}
