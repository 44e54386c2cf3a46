package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A model directory in Hugging Face layout, whose files are found by plain name and never outside
 * it.
 *
 * <p>A file may be a symbolic link to another file of the directory. One layout more is known, the
 * download cache of the Hugging Face hub: files of {@code <repository>/snapshots/<revision>} are
 * links to {@code <repository>/blobs/<hash>}. Any other link that leaves the directory is refused.
 */
public final class ModelDirectory {
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

  private final Path directory; // real path: no links, no dots

  private ModelDirectory(Path directory) {
    this.directory = directory;
  }

  /**
   * Opens a directory.
   *
   * @throws InvalidModelException if there is none of that name
   */
  public static ModelDirectory open(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new InvalidModelException(
          directory
              + (Files.exists(directory) ? " is a file" : " does not exist")
              + ", expected a model directory with config.json and model.safetensors");
    }
    try {
      return new ModelDirectory(directory.toRealPath());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + directory, e);
    }
  }

  /** The directory itself, links resolved. */
  public Path path() {
    return directory;
  }

  /**
   * A file that must be there.
   *
   * @param name without any folder
   * @throws InvalidModelException if it is missing, is not a regular file, or its name or a link
   *     leads elsewhere
   */
  public Path file(String name) {
    return find(name)
        .orElseThrow(() -> new InvalidModelException(directory + ": " + name + " is missing"));
  }

  /** A file that may be missing; otherwise as {@link #file}. */
  public Optional<Path> find(String name) {
    if (!PLAIN_NAME.matcher(name).matches()) {
      throw new InvalidModelException(
          directory
              + ": "
              + Quote.of(name)
              + " is not a plain file name; model files stay inside the model directory");
    }
    Path file = directory.resolve(name);
    if (!Files.exists(file)) {
      if (Files.isSymbolicLink(file)) {
        throw new InvalidModelException(file + ": a link to a file that does not exist");
      }
      return Optional.empty();
    }
    Path real;
    try {
      real = file.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
    if (!real.startsWith(directory) && !isHubBlob(real)) {
      throw new InvalidModelException(
          file
              + ": a link to "
              + real
              + ", outside the model directory; replace it by the file itself");
    }
    if (!Files.isRegularFile(real)) {
      throw new InvalidModelException(file + ": not a regular file");
    }
    return Optional.of(file);
  }

  private boolean isHubBlob(Path real) {
    Path snapshots = directory.getParent();
    Path repository = snapshots == null ? null : snapshots.getParent();
    return snapshots != null
        && repository != null
        && snapshots.endsWith("snapshots")
        && repository.resolve("blobs").equals(real.getParent())
        && HASH.matcher(real.getFileName().toString()).matches();
  }
}
