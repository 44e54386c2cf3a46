package io.sambay4j.cli;

/** The {@code sambay} program. */
public final class Main {
  private Main() {}

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(Cli.run(Console.system(), args));
  }
}
