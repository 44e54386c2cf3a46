package io.sambay4j.hub;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One repository in the cache: {@code blobs/HASH} are the files, {@code snapshots/COMMIT/NAME}
 * links to them, {@code refs/REVISION} says which commit a revision was.
 */
final class RepositoryFolder {
  static final String PREFIX = "models--";
  private static final int MAX_REF_BYTES = 256;
  private static final long LOCK_POLL_MILLIS = 200;

  /** File locks are held by the whole process; these keep its threads apart. */
  private static final Map<Path, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();

  private final Path cache;
  private final Path folder;

  RepositoryFolder(Path cache, ModelName model) {
    this.cache = cache;
    this.folder = cache.resolve(PREFIX + model.owner() + "--" + model.name());
  }

  Path path() {
    return folder;
  }

  Path blob(String hash) {
    return folder.resolve("blobs").resolve(hash);
  }

  /** What has come of a blob so far. */
  Path incomplete(String hash) {
    return folder.resolve("blobs").resolve(hash + ".incomplete");
  }

  Path snapshot(String commit) {
    return folder.resolve("snapshots").resolve(commit);
  }

  /** The commit that a revision was when it was last asked for. */
  Optional<String> commit(String revision) {
    if (ModelName.isCommit(revision)) {
      return Optional.of(revision);
    }
    Path ref = folder.resolve("refs").resolve(revision);
    try {
      if (!Files.isRegularFile(ref, LinkOption.NOFOLLOW_LINKS) || Files.size(ref) > MAX_REF_BYTES) {
        return Optional.empty();
      }
      return Optional.of(Files.readString(ref).strip()).filter(ModelName::isCommit);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + ref, e);
    }
  }

  /** Whether a blob is here with its full length. */
  boolean has(RemoteFile file) throws IOException {
    Path blob = blob(file.hash());
    return Files.isRegularFile(blob, LinkOption.NOFOLLOW_LINKS) && Files.size(blob) == file.bytes();
  }

  void writeRef(String revision, String commit) throws IOException {
    if (commit(revision).filter(commit::equals).isPresent()) {
      return;
    }
    Path ref = folder.resolve("refs").resolve(revision);
    Files.createDirectories(Objects.requireNonNull(ref.getParent()));
    Path fresh = beside(ref);
    Files.writeString(fresh, commit);
    replace(fresh, ref);
  }

  /** Gives a blob its name in a snapshot. */
  void link(String commit, RemoteFile file) throws IOException {
    Path name = snapshot(commit).resolve(file.path());
    Path blob = blob(file.hash());
    if (Files.exists(name) && Files.isSameFile(name, blob)) {
      return;
    }
    Path parent = Objects.requireNonNull(name.getParent());
    Files.createDirectories(parent);
    Path fresh = beside(name);
    try {
      Files.createSymbolicLink(fresh, parent.relativize(blob));
    } catch (UnsupportedOperationException | FileSystemException e) {
      // Windows without the privilege, or a file system without links.
      try {
        Files.createLink(fresh, blob);
      } catch (UnsupportedOperationException | FileSystemException alsoNot) {
        Files.copy(blob, fresh);
      }
    }
    replace(fresh, name);
  }

  private static Path beside(Path file) {
    return file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID());
  }

  /** So that a reader sees the old file or the new one, and nothing is written through a link. */
  static void replace(Path fresh, Path target) throws IOException {
    try {
      Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException | FileAlreadyExistsException e) {
      Files.move(fresh, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Held while a blob is being written. */
  static final class Lock implements AutoCloseable {
    private final ReentrantLock inProcess;
    private final FileChannel file;

    private Lock(ReentrantLock inProcess, FileChannel file) {
      this.inProcess = inProcess;
      this.file = file;
    }

    @Override
    public void close() throws IOException {
      try {
        file.close(); // and with it the lock
      } finally {
        inProcess.unlock();
      }
    }
  }

  /**
   * Waits until no other download, of this process or another, writes the blob.
   *
   * @param waiting is run once if there is a wait
   */
  Lock lock(String hash, Runnable waiting) throws IOException, InterruptedException {
    Path path = cache.resolve(".locks").resolve(folder.getFileName()).resolve(hash + ".lock");
    Files.createDirectories(Objects.requireNonNull(path.getParent()));
    ReentrantLock inProcess =
        IN_PROCESS.computeIfAbsent(path.toAbsolutePath().normalize(), p -> new ReentrantLock());
    if (!inProcess.tryLock()) {
      waiting.run();
      inProcess.lockInterruptibly();
    }
    FileChannel file = null;
    try {
      file =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      for (boolean first = true; file.tryLock() == null; first = false) {
        if (first) {
          waiting.run();
        }
        TimeUnit.MILLISECONDS.sleep(LOCK_POLL_MILLIS);
      }
      return new Lock(inProcess, file);
    } catch (IOException | InterruptedException | RuntimeException e) {
      if (file != null) {
        file.close();
      }
      inProcess.unlock();
      throw e;
    }
  }
}
