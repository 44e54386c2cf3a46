package io.sambay4j;

import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Starts a generation for each subscriber and passes its tokens on.
 *
 * @param start starts one for a listener
 * @param executor calls the subscribers
 */
record GenerationPublisher(Function<GenerationListener, RunningGeneration> start, Executor executor)
    implements Flow.Publisher<GeneratedToken> {
  @Override
  public void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber) {
    // The buffer grows with what waits in it; a subscriber can never make the engine wait.
    SubmissionPublisher<GeneratedToken> publisher = new SubmissionPublisher<>(executor, 1 << 30);
    publisher.subscribe(subscriber);
    AtomicReference<@Nullable RunningGeneration> running = new AtomicReference<>();
    try {
      running.set(
          start.apply(
              new GenerationListener() {
                @Override
                public void onPrompt(int done, int total) {
                  cancelIfAlone();
                }

                @Override
                public void onToken(GeneratedToken token) {
                  cancelIfAlone();
                  publisher.submit(token);
                }

                private void cancelIfAlone() {
                  RunningGeneration generation = running.get();
                  if (generation != null && !publisher.hasSubscribers()) {
                    generation.cancel();
                  }
                }

                @Override
                public void onComplete(Generation generation) {
                  publisher.close();
                }

                @Override
                public void onError(Throwable failure) {
                  publisher.closeExceptionally(failure);
                }
              }));
    } catch (RuntimeException failure) {
      publisher.closeExceptionally(failure);
    }
  }
}
