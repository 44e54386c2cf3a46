package io.sambay4j.backend;

import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Memory and queue of a card, shared with other CUDA programs of the same process: theirs come in
 * and ours go out as pointers, and nothing is copied. Pointers are JavaCPP's, streams also those of
 * javacpp-presets-cuda, an optional dependency ({@code org.bytedeco:cuda}) that only {@link
 * #stream} needs.
 *
 * <p>Who shares is answerable for three things that nobody can check.
 *
 * <ul>
 *   <li>Order: calls of a {@link Backend} return when their work is queued. Work of others that
 *       touches the same memory belongs on {@link #streamPointer}, or between {@link #runBefore}
 *       and {@link #runAfter}, or after {@link NativeBackend#synchronize}.
 *   <li>Lifetime: a pointer that was handed out is good until its tensor's storage or the backend
 *       is closed; memory that was taken in must be there until its storage is closed and the work
 *       on it has run.
 *   <li>Recording: while {@link Backend#record} runs, nothing may be put on the stream, and nothing
 *       here may be called but {@link #devicePointer}.
 * </ul>
 */
public final class CudaInterop {
  private final NativeBackend backend;

  private CudaInterop(NativeBackend backend) {
    this.backend = backend;
  }

  /**
   * What a card shares.
   *
   * @throws IllegalArgumentException if the backend does not compute on a card
   */
  public static CudaInterop of(Backend backend) {
    if (!(backend instanceof NativeBackend card) || !card.isCard()) {
      throw new IllegalArgumentException(
          "the backend is %s, expected a card: Backends.open(\"cuda\", ..)"
              .formatted(backend.description()));
    }
    return new CudaInterop(card);
  }

  /**
   * The device address of element [0, 0]; the elements of a row follow one another, and rows are
   * {@link Tensor#stride} elements apart.
   *
   * @throws IllegalArgumentException if the tensor is of another backend
   * @throws IllegalStateException if its storage or the backend is closed
   */
  public Pointer devicePointer(Tensor tensor) {
    return new NativeDevice.Address(backend.deviceAddress(tensor));
  }

  /**
   * A tensor over somebody else's device memory, row-major without gaps. Closing its storage ends
   * the tensor and leaves the memory alone; the pointer is kept from the garbage collector until
   * then.
   *
   * @param memory of this backend's card, or managed; at its position, aligned to an element
   * @throws IllegalArgumentException if it is none of these, or known to be too small
   */
  public Tensor borrow(Pointer memory, DType dtype, int rows, int cols) {
    return backend.borrow(memory, dtype, rows, cols);
  }

  /**
   * The {@code cudaStream_t} that everything called on the backend is queued on, for as long as the
   * backend is open.
   *
   * @throws IllegalStateException if the backend is closed
   */
  public Pointer streamPointer() {
    return new NativeDevice.Address(backend.streamAddress());
  }

  /**
   * {@link #streamPointer} as javacpp-presets-cuda calls it.
   *
   * @throws UnsupportedOperationException if that is not on the class path
   * @throws IllegalStateException if the backend is closed
   */
  public CUstream_st stream() {
    Pointer stream = streamPointer();
    try {
      return new CUstream_st(stream);
    } catch (LinkageError e) {
      throw new UnsupportedOperationException(
          "javacpp-presets-cuda is not on the class path; add org.bytedeco:cuda, or use streamPointer()",
          e);
    }
  }

  /**
   * What is called on the backend from now on runs after all that {@code stream} has been given so
   * far. The calling thread does not wait.
   *
   * @param stream of the same card, a {@code cudaStream_t}; null: the legacy default stream
   */
  public void runAfter(@Nullable Pointer stream) {
    backend.runAfter(stream);
  }

  /** What {@code stream} is given from now on runs after all that was called on the backend. */
  public void runBefore(@Nullable Pointer stream) {
    backend.runBefore(stream);
  }
}
