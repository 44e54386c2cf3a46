package io.sambay4j.hub;

import io.sambay4j.InvalidModelException;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.Gguf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The downloaded models of this machine, in the layout that the tools of Hugging Face share: what
 * they have downloaded is found here, and what {@link Hub} downloads is found by them.
 */
public final class ModelCache {
  private static final String CONFIG = "config.json";
  private static final int MAX_DEPTH = 8; // folders of a snapshot, or of a revision's name

  private final Path directory;

  private ModelCache(Path directory) {
    this.directory = directory;
  }

  /** The cache that the environment names: HF_HUB_CACHE, or {@code hub} below HF_HOME. */
  public static ModelCache standard() {
    return at(HubSettings.fromEnvironment().cache());
  }

  /** A cache in a directory, which need not exist. */
  public static ModelCache at(Path directory) {
    return new ModelCache(directory);
  }

  /** Where it is. */
  public Path directory() {
    return directory;
  }

  /**
   * The directory, or GGUF file, of a model by its name, for {@code TextModel.open}.
   *
   * @param name as of {@link ModelName#parse}
   * @throws IllegalArgumentException if it is not a name
   * @throws HubException if the model has not been downloaded, or not all of it
   */
  public Path resolve(String name) {
    ModelName model = ModelName.parse(name);
    return find(model).orElseThrow(() -> new HubException(missing(model)));
  }

  /** As {@link #resolve}; empty where the model is not here, or not all of it. */
  public Optional<Path> find(ModelName model) {
    RepositoryFolder folder = new RepositoryFolder(directory, model);
    Optional<Path> snapshot = folder.commit(model.revision()).map(folder::snapshot);
    if (snapshot.isEmpty() || !Files.isDirectory(snapshot.get(), LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    if (model.file() != null) {
      return Optional.of(snapshot.get().resolve(model.file()))
          .filter(file -> isInside(folder.path(), file));
    }
    if (isCompleteDirectory(snapshot.get())) {
      return snapshot;
    }
    List<Path> ggufs = ggufs(folder, snapshot.get());
    if (ggufs.size() > 1) {
      throw new HubException(
          "%s has several GGUF files here, say which: %s"
              .formatted(
                  model,
                  ggufs.stream()
                      .map(file -> model.withFile(relative(snapshot.get(), file)).toString())
                      .collect(Collectors.joining(", "))));
    }
    return ggufs.stream().findFirst();
  }

  private String missing(ModelName model) {
    RepositoryFolder folder = new RepositoryFolder(directory, model);
    String pull =
        "run: sambay pull %s%s"
            .formatted(model.withFile(null), model.file() == null ? "" : " --file " + model.file());
    boolean begun =
        folder.commit(model.revision()).map(folder::snapshot).filter(Files::isDirectory).isPresent()
            && model.file() == null;
    if (begun) {
      return "%s has been downloaded only in part; to complete it, %s".formatted(model, pull);
    }
    String others =
        list().stream()
            .filter(cached -> cached.repository().equals(model.repository()) && cached.complete())
            .map(
                cached ->
                    cached.revisions().isEmpty() ? cached.commit() : cached.revisions().get(0))
            .distinct()
            .collect(Collectors.joining(", "));
    return "%s has not been downloaded%s; %s"
        .formatted(model, others.isEmpty() ? "" : " (but its revision " + others + " has)", pull);
  }

  /** All snapshots of models here, by name. */
  public List<CachedModel> list() {
    List<CachedModel> models = new ArrayList<>();
    for (Path folder : folders(directory)) {
      String[] parts = String.valueOf(folder.getFileName()).split("--", -1);
      if (parts.length != 3 || !parts[0].equals("models")) {
        continue; // data sets, and models without an owner, which have no name here
      }
      ModelName.find(parts[1] + "/" + parts[2])
          .ifPresent(model -> models.addAll(snapshots(folder, model)));
    }
    models.sort(Comparator.comparing(CachedModel::repository).thenComparing(CachedModel::commit));
    return models;
  }

  private List<CachedModel> snapshots(Path folder, ModelName model) {
    RepositoryFolder repository = new RepositoryFolder(directory, model);
    List<String> refs = new ArrayList<>();
    for (Path ref : files(folder.resolve("refs"))) {
      refs.add(relative(folder.resolve("refs"), ref));
    }
    List<CachedModel> found = new ArrayList<>();
    for (Path snapshot : folders(folder.resolve("snapshots"))) {
      String commit = String.valueOf(snapshot.getFileName());
      if (ModelName.isCommit(commit)) {
        List<String> revisions =
            refs.stream()
                .filter(ref -> repository.commit(ref).filter(commit::equals).isPresent())
                .sorted()
                .toList();
        long bytes = files(snapshot).stream().mapToLong(ModelCache::size).sum();
        boolean complete = isCompleteDirectory(snapshot) || !ggufs(repository, snapshot).isEmpty();
        found.add(
            new CachedModel(model.repository(), revisions, commit, bytes, complete, snapshot));
      }
    }
    return found;
  }

  /** Whether settings and all weights are there; what is in them is not looked at. */
  private static boolean isCompleteDirectory(Path snapshot) {
    if (!Files.exists(snapshot.resolve(CONFIG))) {
      return false;
    }
    if (Files.exists(snapshot.resolve(Checkpoint.SINGLE_FILE))) {
      return true;
    }
    Path index = snapshot.resolve(Checkpoint.INDEX_FILE);
    if (!Files.exists(index)) {
      return false;
    }
    Set<String> shards;
    try {
      shards = Checkpoint.shardNames(index);
    } catch (InvalidModelException e) {
      return false;
    }
    Predicate<String> here = shard -> Files.exists(snapshot.resolve(shard));
    return shards.stream().allMatch(here);
  }

  private static List<Path> ggufs(RepositoryFolder folder, Path snapshot) {
    return files(snapshot).stream()
        .filter(file -> file.toString().endsWith(Gguf.SUFFIX) && isInside(folder.path(), file))
        .sorted()
        .toList();
  }

  /** Whether a file is there and a link, if it is one, stays in its repository. */
  private static boolean isInside(Path folder, Path file) {
    try {
      return Files.isRegularFile(file) && file.toRealPath().startsWith(folder.toRealPath());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  private static String relative(Path folder, Path file) {
    return folder.relativize(file).toString().replace('\\', '/');
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the size of " + file, e);
    }
  }

  private static List<Path> folders(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(entry -> Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)).toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder, e);
    }
  }

  /** Regular files and links to them, at any depth; links to folders are not followed. */
  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(folder, MAX_DEPTH, new FileVisitOption[0])) {
      return all.filter(Files::isRegularFile).toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder, e);
    }
  }
}
