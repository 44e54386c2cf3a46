package io.sambay4j.cli.load;

/** Seconds since a run began. */
public final class Clock {
  private final long began = System.nanoTime();

  /** Now. */
  public double seconds() {
    return (System.nanoTime() - began) / 1e9;
  }
}
