package io.sambay4j.runtime;

import io.sambay4j.InvalidModelException;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StateFile;
import io.sambay4j.model.StateFile.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * States in files of one directory, which several models and runs may share. Files are read and
 * written by threads of their own: the engine's never waits for a disk. What they cannot keep up
 * with is not written. A file that cannot be read is left alone with a warning: it is never a
 * reason for a request to fail.
 *
 * <p>But for those threads, of the scheduler's alone.
 */
final class PrefixFiles implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PrefixFiles.class);
  private static final String PREFIX = "prefix-";
  private static final String SUFFIX = ".safetensors";

  /** More are not looked at when the directory is opened. */
  private static final int MOST_FILES = 10_000;

  /** States that wait to be written, each held in memory meanwhile. */
  private static final int MOST_PENDING = 2;

  /** States that are being read, or have been and are not used yet, each held in memory. */
  private static final int MOST_READINGS = 2;

  /** Where states come from. */
  @FunctionalInterface
  interface Source {
    /**
     * Reads a file.
     *
     * @throws InvalidModelException if it is damaged, or belongs to another model
     * @throws UncheckedIOException if it cannot be read
     */
    State read(Path file, SambayModel model);
  }

  /** How far a file has come. */
  enum Progress {
    /** Nobody has asked for it, or it is being read. */
    NOT_READ,
    /** Its state is in memory. */
    READ,
    /** It is gone or not to be trusted. */
    UNUSABLE
  }

  private final SambayModel model;
  private final Path directory;
  private final long limit;
  private final Consumer<Path> forget;
  private final Source source;
  private final Runnable wake;
  private final Map<Path, Long> sizes = new LinkedHashMap<>(16, 0.75f, true); // oldest use first
  private long bytes;
  private final Map<Path, State> pending = new ConcurrentHashMap<>(); // not written yet
  private final Map<Path, Future<Optional<State>>> readings = new HashMap<>();
  private final ExecutorService writer; // deletes too, so that nothing goes before it is there
  private final ExecutorService reader;

  /**
   * @param limit bytes of files written by this model; the longest unused make room
   * @param forget told of a file that is deleted
   * @param wake called by another thread when a file has been read
   */
  PrefixFiles(
      SambayModel model,
      Path directory,
      long limit,
      Consumer<Path> forget,
      Source source,
      Runnable wake) {
    this.model = model;
    this.directory = directory;
    this.limit = limit;
    this.forget = forget;
    this.source = source;
    this.wake = wake;
    this.writer = thread("sambay-prefix-files");
    this.reader = thread("sambay-prefix-reader");
  }

  /** A thread that ends when nothing has been done for a while. */
  private static ExecutorService thread(String name) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, name);
              thread.setDaemon(true);
              return thread;
            });
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  /** Finds the files of this model. */
  void scan(BiConsumer<Path, StateFile.Header> found) {
    List<Path> files = new ArrayList<>();
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> all = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
        for (Path file : all) {
          if (files.size() == MOST_FILES) {
            log.warn("{} has more than {} files; the rest is ignored", directory, MOST_FILES);
            break;
          }
          files.add(file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the prefix cache's directory " + directory, e);
    }
    for (Path file : files) {
      try {
        StateFile.readHeader(file, model)
            .ifPresent(
                header -> {
                  remember(file, header.bytes());
                  found.accept(file, header);
                });
      } catch (InvalidModelException | UncheckedIOException | IllegalArgumentException e) {
        log.warn("ignored in the prefix cache's directory: {}", e.getMessage());
      }
    }
    makeRoom(0);
  }

  private void remember(Path file, long size) {
    sizes.put(file, size);
    bytes += size;
  }

  /** How many files there are. */
  int count() {
    return sizes.size();
  }

  /** How far reading a file has come. */
  Progress progress(Path file) {
    if (pending.containsKey(file)) {
      return Progress.READ; // on its way to the disk
    }
    Future<Optional<State>> reading = readings.get(file);
    if (reading == null || !reading.isDone()) {
      return Progress.NOT_READ;
    }
    return result(reading).isPresent() ? Progress.READ : Progress.UNUSABLE;
  }

  /** Has a file read, if it is not yet and not too many are. */
  void startReading(Path file) {
    if (readings.size() < MOST_READINGS && !readings.containsKey(file)) {
      readings.put(file, reader.submit(() -> readNow(file)));
    }
  }

  /** A file's state, if it {@linkplain #progress has been read}. */
  @Nullable State state(Path file) {
    sizes.get(file); // used now
    State waiting = pending.get(file);
    if (waiting != null) {
      return waiting;
    }
    Future<Optional<State>> reading = readings.get(file);
    return reading == null || !reading.isDone() ? null : result(reading).orElse(null);
  }

  /** Nobody wants a file's state any more: reading it ends, and its memory goes. */
  void stopReading(Path file) {
    Future<Optional<State>> reading = readings.remove(file);
    if (reading != null) {
      reading.cancel(true);
    }
  }

  private static Optional<State> result(Future<Optional<State>> reading) {
    try {
      return reading.get();
    } catch (InterruptedException e) { // it is done, so nothing is waited for
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (ExecutionException | CancellationException e) {
      log.warn("a state of the prefix cache is not used", e);
      return Optional.empty();
    }
  }

  private Optional<State> readNow(Path file) {
    try {
      return Optional.of(source.read(file, model));
    } catch (InvalidModelException | UncheckedIOException | IllegalArgumentException e) {
      if (!Thread.currentThread().isInterrupted()) { // else nobody wants it any more
        log.warn("a state of the prefix cache is not used: {}", e.getMessage());
      }
      return Optional.empty();
    } finally {
      wake.run();
    }
  }

  /**
   * Has a state written.
   *
   * @param atEnd write it now: nobody waits for this thread any more
   * @return where it will be; null if it is not written
   */
  @Nullable Path write(State state, boolean atEnd) {
    long size =
        state.arrays().values().stream().mapToLong(array -> 4L * array.values().length).sum();
    if (size > limit || (!atEnd && pending.size() >= MOST_PENDING)) {
      return null;
    }
    makeRoom(size);
    Path file = directory.resolve(PREFIX + UUID.randomUUID() + SUFFIX);
    if (atEnd) {
      writeNow(file, state);
    } else {
      pending.put(file, state);
      writer.execute(() -> writeNow(file, state));
    }
    remember(file, size);
    return file;
  }

  private void writeNow(Path file, State state) {
    try {
      StateFile.write(file, model.fingerprint(), state);
    } catch (RuntimeException e) {
      log.warn("a state of the prefix cache could not be written", e);
    } finally {
      pending.remove(file);
    }
  }

  private void makeRoom(long size) {
    while (bytes + size > limit && !sizes.isEmpty()) {
      delete(sizes.keySet().iterator().next());
    }
  }

  /** Deletes a file of this model. */
  void delete(Path file) {
    Long size = sizes.remove(file);
    if (size == null) {
      return;
    }
    bytes -= size;
    forget.accept(file);
    writer.execute(
        () -> {
          try {
            Files.deleteIfExists(file);
          } catch (IOException e) {
            log.warn("{} could not be deleted: {}", file, e.toString());
          }
        });
  }

  /** Waits until everything is written. */
  @Override
  public void close() {
    reader.shutdownNow();
    writer.shutdown();
    boolean interrupted = false;
    boolean ended = false;
    while (!ended) {
      try {
        ended = writer.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
