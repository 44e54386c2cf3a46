package io.sambay4j.hub;

import java.nio.file.Path;
import java.util.List;

/**
 * A snapshot of a repository in the cache.
 *
 * @param repository {@code owner/name}
 * @param revisions branches and tags that were this commit when they were last asked for
 * @param commit 40 hexadecimal digits
 * @param bytes of its files that are here
 * @param complete whether all that the engine needs is here
 * @param path the directory
 */
public record CachedModel(
    String repository,
    List<String> revisions,
    String commit,
    long bytes,
    boolean complete,
    Path path) {
  /** Copies the list. */
  public CachedModel {
    revisions = List.copyOf(revisions);
  }
}
