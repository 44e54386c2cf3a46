package io.sambay4j.backend;

import org.jspecify.annotations.Nullable;

/** The elements of one tensor as floats, each already rounded to the storage format. */
final class ReferenceStorage implements Storage {
  final ReferenceBackend backend;
  private final int size;
  private float @Nullable [] elements;

  ReferenceStorage(ReferenceBackend backend, float[] elements) {
    this.backend = backend;
    this.size = elements.length;
    this.elements = elements;
  }

  float[] elements() {
    if (elements == null) {
      throw new IllegalStateException("the storage of this tensor is closed");
    }
    return elements;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void close() {
    synchronized (backend) {
      elements = null;
    }
  }
}
