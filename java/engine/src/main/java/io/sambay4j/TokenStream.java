package io.sambay4j;

import io.sambay4j.runtime.Scheduler;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A generation's tokens as they come. Closing the stream early cancels the generation. One reader;
 * reading blocks until the next token, and tokens wait here for a slow reader.
 *
 * <pre>{@code
 * try (TokenStream tokens = model.stream("What is 17+25?")) {
 *   tokens.forEachRemaining(token -> System.out.print(token.text()));
 * }
 * }</pre>
 */
public final class TokenStream implements Iterator<GeneratedToken>, AutoCloseable {
  private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();
  private final Scheduler scheduler;
  private final RunningGeneration running;
  private volatile boolean closed;
  private @Nullable Object head;

  TokenStream(Scheduler scheduler, Function<GenerationListener, RunningGeneration> start) {
    this.scheduler = scheduler;
    running =
        start.apply(
            new GenerationListener() {
              @Override
              public void onToken(GeneratedToken token) {
                queue.add(token);
              }

              @Override
              public void onComplete(Generation generation) {
                queue.add(generation);
              }

              @Override
              public void onError(Throwable failure) {
                queue.add(failure);
              }
            });
  }

  /**
   * {@inheritDoc}
   *
   * @throws CancellationException (an {@link IllegalStateException}) if the thread was interrupted
   *     while waiting; the generation is cancelled
   * @throws IllegalStateException if this stream is closed, the model was closed before the
   *     generation's end, or it would have to wait in a callback
   */
  @Override
  public boolean hasNext() {
    checkOpen();
    if (head == null) {
      head = queue.poll();
    }
    if (head == null) {
      scheduler.checkMayWait();
      try {
        head = queue.take();
      } catch (InterruptedException e) {
        running.cancel();
        Thread.currentThread().interrupt();
        throw (CancellationException)
            new CancellationException(
                    "interrupted while waiting for a token; the generation is cancelled")
                .initCause(e);
      }
    }
    if (head instanceof RuntimeException failure) {
      throw failure;
    }
    if (head instanceof Error failure) {
      throw failure;
    }
    return head instanceof GeneratedToken;
  }

  @Override
  public GeneratedToken next() {
    if (!hasNext() || !(head instanceof GeneratedToken token)) {
      throw new NoSuchElementException("the generation has ended");
    }
    head = null;
    return token;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the token stream is closed");
    }
  }

  /** The tokens as a {@link Stream}; closing it closes this. */
  public Stream<GeneratedToken> tokens() {
    checkOpen();
    return StreamSupport.stream(
            Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED | Spliterator.NONNULL),
            false)
        .onClose(this::close);
  }

  /** The pieces of text as a {@link Stream}, empty ones left out. */
  public Stream<String> text() {
    return tokens().map(GeneratedToken::text).filter(text -> !text.isEmpty());
  }

  /**
   * The whole generation, once it has ended; waits for it. Also after {@link #close}, which ends it
   * early. Errors as of {@link RunningGeneration#result}.
   */
  public Generation result() {
    return running.result();
  }

  /**
   * Ends the generation early without closing the stream: the tokens it had can still be read. May
   * be called from any thread.
   */
  public void cancel() {
    running.cancel();
  }

  /** Cancels the generation if it still runs. Closing twice changes nothing. */
  @Override
  public void close() {
    closed = true;
    running.cancel();
  }
}
