package io.sambay4j.hub;

/** Told how a download goes, from several threads but never from two at once. */
public interface PullListener {
  /**
   * Bytes that are here.
   *
   * @param done of the files known so far, those that were here before counted; may fall when
   *     damaged bytes are thrown away
   * @param total of the files known so far; grows once, when the weights become known
   */
  default void progress(long done, long total) {}

  /** A sentence for people: a retry, a wait, a check. */
  default void note(String sentence) {}
}
