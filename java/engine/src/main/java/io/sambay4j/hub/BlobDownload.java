package io.sambay4j.hub;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file on its way into the cache. Bytes go to {@code blobs/HASH.incomplete}, where a later
 * attempt goes on; the blob gets its name once its checksum is right.
 */
final class BlobDownload {
  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18})");

  private final HubClient client;
  private final ModelName model;
  private final String commit;
  private final RepositoryFolder folder;
  private final RemoteFile file;
  private final PullListener listener;
  private final LongConsumer came; // bytes more, or fewer where they are thrown away
  private long here; // bytes in the incomplete file

  /** What came is not the file; asking again may help once. */
  private static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1L;

    DamagedException(String message) {
      super(message);
    }
  }

  BlobDownload(
      HubClient client,
      ModelName model,
      String commit,
      RepositoryFolder folder,
      RemoteFile file,
      PullListener listener,
      LongConsumer came) {
    this.client = client;
    this.model = model;
    this.commit = commit;
    this.folder = folder;
    this.file = file;
    this.listener = listener;
    this.came = came;
  }

  /**
   * Brings the file here and names it in the snapshot.
   *
   * @throws HubException if it cannot be had, or is damaged twice
   */
  void run() throws IOException, InterruptedException {
    if (!folder.has(file)) {
      try (RepositoryFolder.Lock lock = folder.lock(file.hash(), this::waiting)) {
        if (folder.has(file)) { // somebody else was faster
          came.accept(file.bytes());
        } else {
          fetch();
        }
      }
    } else {
      came.accept(file.bytes());
    }
    folder.link(commit, file);
  }

  private void waiting() {
    listener.note(file.path() + ": another download of it is under way, waiting");
  }

  private void fetch() throws IOException, InterruptedException {
    Path incomplete = folder.incomplete(file.hash());
    Files.createDirectories(incomplete.getParent());
    for (boolean again = false; ; again = true) {
      try {
        transfer(incomplete);
        if (!BlobChecksum.matches(incomplete, file)) {
          forget();
          throw new DamagedException("its checksum is not the one that the hub lists");
        }
        RepositoryFolder.replace(incomplete, folder.blob(file.hash()));
        return;
      } catch (DamagedException e) {
        Files.deleteIfExists(incomplete);
        if (again) {
          throw new HubException(
              "%s of %s is damaged: %s, twice; nothing of it is kept"
                  .formatted(file.path(), model.repository(), e.getMessage()),
              e);
        }
        listener.note(
            "%s is damaged: %s; fetching it again".formatted(file.path(), e.getMessage()));
      }
    }
  }

  /** Appends until the file has its length. */
  private void transfer(Path incomplete)
      throws IOException, InterruptedException, DamagedException {
    Retries retries = client.retries(file.path());
    try (FileChannel out =
        FileChannel.open(
            incomplete,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS)) {
      if (out.size() > file.bytes()) {
        out.truncate(0); // not of this file
      }
      here = out.size();
      out.position(here);
      came.accept(here);
      while (here < file.bytes()) {
        long before = here;
        try {
          append(out);
        } catch (IOException e) {
          if (here > before) {
            retries.succeeded();
          }
          retries.failed(e);
        }
      }
    }
  }

  private void append(FileChannel out) throws IOException, InterruptedException, DamagedException {
    HttpResponse<TimedBody> response = client.open(model, commit, file, here);
    try (TimedBody body = response.body()) {
      if (response.statusCode() == 200 && here > 0) { // it does not know ranges
        forget();
        out.truncate(0);
      }
      checkHeaders(response);
      for (List<ByteBuffer> piece = body.next(); piece != null; piece = body.next()) {
        for (ByteBuffer bytes : piece) {
          write(out, bytes);
        }
      }
    }
    if (here < file.bytes()) {
      throw new IOException(
          "the connection ended after %d of %d bytes".formatted(here, file.bytes()));
    }
  }

  private void write(FileChannel out, ByteBuffer bytes) throws DamagedException {
    int n = bytes.remaining();
    if (here + n > file.bytes()) {
      forget();
      throw new DamagedException("more than the %d bytes listed come".formatted(file.bytes()));
    }
    try {
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    } catch (IOException e) { // a full disk must not be taken for a broken connection
      throw new HubException("cannot write to the cache: " + e.getMessage(), e);
    }
    here += n;
    came.accept(n);
  }

  private void forget() {
    came.accept(-here);
    here = 0;
  }

  private void checkHeaders(HttpResponse<TimedBody> response) throws DamagedException {
    long size;
    if (response.statusCode() == 206) {
      Matcher range =
          CONTENT_RANGE.matcher(response.headers().firstValue("Content-Range").orElse(""));
      if (!range.matches() || Long.parseLong(range.group(1)) != here) {
        forget();
        throw new DamagedException("other bytes come than were asked for");
      }
      size = Long.parseLong(range.group(2));
    } else {
      size = response.headers().firstValueAsLong("Content-Length").orElse(file.bytes());
    }
    if (size != file.bytes()) {
      forget();
      throw new DamagedException(
          "it is %d bytes long, the hub lists %d".formatted(size, file.bytes()));
    }
  }
}
