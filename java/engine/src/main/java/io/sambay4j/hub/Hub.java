package io.sambay4j.hub;

import io.sambay4j.InvalidModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Downloads models from a hub that speaks the protocol of Hugging Face into the {@link ModelCache}.
 * It keeps nothing open; any thread may use it.
 *
 * <pre>{@code
 * Path path = Hub.fromEnvironment().pull("owner/name");
 * try (TextModel model = TextModel.open(path)) { ... }
 * }</pre>
 */
public final class Hub {
  private static final Duration FIRST_RETRY_DELAY = Duration.ofSeconds(1);
  private static final long SPARE_BYTES = 64L << 20; // a disk filled to the last byte helps nobody

  private final HubSettings settings;
  private final Duration firstRetryDelay;

  /** A hub with settings of one's own. */
  public Hub(HubSettings settings) {
    this(settings, FIRST_RETRY_DELAY);
  }

  Hub(HubSettings settings, Duration firstRetryDelay) {
    this.settings = settings;
    this.firstRetryDelay = firstRetryDelay;
  }

  /** The hub that the environment names, see {@link HubSettings#fromEnvironment}. */
  public static Hub fromEnvironment() {
    return new Hub(HubSettings.fromEnvironment());
  }

  /** Where its models go. */
  public ModelCache cache() {
    return ModelCache.at(settings.cache());
  }

  /**
   * As {@link #pull(ModelName, PullListener)}.
   *
   * @param name as of {@link ModelName#parse}
   */
  public Path pull(String name) throws InterruptedException {
    return pull(ModelName.parse(name), new PullListener() {});
  }

  /**
   * Downloads what the engine needs of a model, and only what is not here yet: settings, tokenizer,
   * safetensors, or one GGUF file. What an interrupted call has left is continued.
   *
   * @return the directory of the snapshot, or the GGUF file, for {@code TextModel.open}
   * @throws HubException if the model cannot be had
   * @throws InterruptedException if the calling thread is interrupted; what has come is kept
   */
  public Path pull(ModelName model, PullListener listener) throws InterruptedException {
    PullListener serial = new SerialListener(listener);
    ModelCache cache = cache();
    if (settings.offline() || model.isPinned()) {
      Optional<Path> here = cache.find(model);
      if (here.isPresent()) {
        serial.note("%s is here; nothing was asked of the hub".formatted(model));
        return here.get();
      }
    }
    if (settings.offline()) {
      throw new HubException(
          "%s is not here in full, and HF_HUB_OFFLINE forbids to download it".formatted(model));
    }
    try {
      return pull(new HubClient(settings, firstRetryDelay, serial), model, serial);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + settings.cache(), e);
    }
  }

  private Path pull(HubClient client, ModelName model, PullListener listener)
      throws IOException, InterruptedException {
    RepositoryFolder folder = new RepositoryFolder(settings.cache(), model);
    String commit = client.commit(model);
    WantedFiles wanted = new WantedFiles(model, client.files(model, commit));
    Downloads downloads = new Downloads(client, model, commit, folder, listener);
    fetch(downloads, folder, wanted.first());
    List<RemoteFile> weights;
    try {
      weights = wanted.weights(folder.snapshot(commit));
    } catch (InvalidModelException e) {
      throw new HubException(String.valueOf(e.getMessage()), e);
    }
    fetch(downloads, folder, weights);
    if (!model.isPinned()) {
      folder.writeRef(model.revision(), commit); // last: what it named before is usable until now
    }
    ModelName pinned = model.at(commit);
    return cache()
        .find(pinned)
        .orElseThrow(
            () -> new HubException("%s has no config.json or no weights".formatted(pinned)));
  }

  private void fetch(Downloads downloads, RepositoryFolder folder, List<RemoteFile> files)
      throws IOException, InterruptedException {
    checkSpace(folder, files);
    downloads.run(files);
  }

  private void checkSpace(RepositoryFolder folder, List<RemoteFile> files) throws IOException {
    Map<String, Long> missing = new LinkedHashMap<>(); // two names may share a blob
    for (RemoteFile file : files) {
      if (!folder.has(file)) {
        Path part = folder.incomplete(file.hash());
        long here = Files.isRegularFile(part) ? Files.size(part) : 0;
        missing.put(file.hash(), Math.max(0, file.bytes() - here));
      }
    }
    long needed = missing.values().stream().mapToLong(Long::longValue).sum();
    Files.createDirectories(folder.path());
    long free = Files.getFileStore(folder.path()).getUsableSpace();
    if (needed > 0 && needed + SPARE_BYTES > free) {
      throw new HubException(
          "%,d MiB are to come, but %s has %,d MiB free; make room, or choose another place with HF_HUB_CACHE"
              .formatted(needed >> 20, settings.cache(), free >> 20));
    }
  }

  /** Lets the threads of a download speak one after the other. */
  private static final class SerialListener implements PullListener {
    private final PullListener listener;

    SerialListener(PullListener listener) {
      this.listener = listener;
    }

    @Override
    public synchronized void progress(long done, long total) {
      listener.progress(done, total);
    }

    @Override
    public synchronized void note(String sentence) {
      listener.note(sentence);
    }
  }
}
