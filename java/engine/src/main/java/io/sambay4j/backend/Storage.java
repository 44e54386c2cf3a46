package io.sambay4j.backend;

/**
 * Memory of one backend, owned by whoever asked {@link Backend#allocate} for it. Only the backend
 * that made it can look inside. Closing it twice changes nothing; any use of a tensor in it after
 * that is an {@link IllegalStateException}.
 */
public interface Storage extends AutoCloseable {
  /** Number of elements. */
  long size();

  @Override
  void close();
}
