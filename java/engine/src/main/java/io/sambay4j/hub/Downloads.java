package io.sambay4j.hub;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** The files of one commit, a few at a time, with one count of their bytes. */
final class Downloads {
  /** More at once would ask much of the hub and bring little. */
  private static final int AT_ONCE = 4;

  private static final int STOP_SECONDS = 10;

  private final HubClient client;
  private final ModelName model;
  private final String commit;
  private final RepositoryFolder folder;
  private final PullListener listener;
  private long done;
  private long total;

  Downloads(
      HubClient client,
      ModelName model,
      String commit,
      RepositoryFolder folder,
      PullListener listener) {
    this.client = client;
    this.model = model;
    this.commit = commit;
    this.folder = folder;
    this.listener = listener;
  }

  /**
   * Brings files here; the first failure stops the others, and what they have is kept.
   *
   * @throws InterruptedException if the calling thread is interrupted
   */
  void run(List<RemoteFile> files) throws IOException, InterruptedException {
    if (files.isEmpty()) {
      return;
    }
    synchronized (this) {
      total += files.stream().mapToLong(RemoteFile::bytes).sum();
    }
    came(0);
    ExecutorService threads =
        Executors.newFixedThreadPool(
            Math.min(AT_ONCE, files.size()),
            task -> {
              Thread thread = new Thread(task, "sambay-pull");
              thread.setDaemon(true);
              return thread;
            });
    try {
      ExecutorCompletionService<Void> running = new ExecutorCompletionService<>(threads);
      Map<String, List<RemoteFile>> byContent = byContent(files);
      byContent.values().forEach(same -> running.submit(() -> fetch(same)));
      for (int i = 0; i < byContent.size(); i++) {
        running.take().get();
      }
    } catch (ExecutionException e) {
      throw unwrap(Objects.requireNonNull(e.getCause()));
    } finally {
      threads.shutdownNow();
      boolean interrupted = Thread.interrupted();
      if (!threads.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
        listener.note("a download does not stop within %d s".formatted(STOP_SECONDS));
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Files of the same content are one blob, fetched once. */
  private static Map<String, List<RemoteFile>> byContent(List<RemoteFile> files) {
    Map<String, List<RemoteFile>> groups = new LinkedHashMap<>();
    files.forEach(file -> groups.computeIfAbsent(file.hash(), h -> new ArrayList<>()).add(file));
    return groups;
  }

  private Void fetch(List<RemoteFile> same) throws IOException, InterruptedException {
    for (RemoteFile file : same) {
      new BlobDownload(client, model, commit, folder, file, listener, this::came).run();
    }
    return null;
  }

  private synchronized void came(long bytes) {
    done += bytes;
    listener.progress(done, total);
  }

  private static IOException unwrap(Throwable cause) throws InterruptedException {
    if (cause instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    if (cause instanceof InterruptedException) {
      throw new InterruptedException();
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return (IOException) cause;
  }
}
