package io.sambay4j.cli;

import io.sambay4j.InvalidModelException;
import io.sambay4j.NativeException;
import io.sambay4j.hub.HubException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/** Turns an exception into one sentence on {@code err} and an exit code. */
final class Failures {
  private final Console console;
  private final boolean debug;

  Failures(Console console, boolean debug) {
    this.console = console;
    this.debug = debug;
  }

  /** Reports what ended a command. */
  int report(Throwable failure, CommandSpec command) {
    console.note(command.qualifiedName() + ": " + sentence(failure));
    if (failure instanceof IllegalArgumentException) {
      console.note("Try '" + command.qualifiedName() + " --help'.");
    }
    if (debug) {
      failure.printStackTrace(console.err());
    }
    return failure instanceof IllegalArgumentException ? Cli.USAGE : Cli.FAILURE;
  }

  /** One sentence for people. */
  static String sentence(Throwable failure) {
    if (failure instanceof UncheckedIOException wrapped) {
      return wrapped.getMessage() + ": " + reason(wrapped.getCause());
    }
    if (failure instanceof IOException io) {
      return reason(io);
    }
    if (failure instanceof OutOfMemoryError) {
      return "the Java heap of %d MiB is full (%s); give it more with SAMBAY_JAVA_OPTS=-Xmx8g"
          .formatted(Runtime.getRuntime().maxMemory() >> 20, failure.getMessage());
    }
    if (isExpected(failure) && failure.getMessage() != null) {
      return failure.getMessage();
    }
    return "a defect of this program, %s; please report it with the output of the same command with --debug"
        .formatted(failure);
  }

  /** Whether the exception's message was written for the user; anything else is a defect. */
  private static boolean isExpected(Throwable failure) {
    return failure.getClass() == IllegalArgumentException.class
        || failure.getClass() == IllegalStateException.class
        || failure instanceof InvalidModelException
        || failure instanceof HubException
        || failure instanceof NativeException
        || failure instanceof UnsupportedOperationException;
  }

  private static String reason(@Nullable IOException cause) {
    if (cause instanceof NoSuchFileException missing) {
      return "there is no " + missing.getFile();
    }
    if (cause instanceof AccessDeniedException denied) {
      return "permission denied for " + denied.getFile();
    }
    if (cause instanceof FileSystemException file && file.getReason() != null) {
      return file.getReason();
    }
    return cause == null || cause.getMessage() == null ? "input/output error" : cause.getMessage();
  }
}
