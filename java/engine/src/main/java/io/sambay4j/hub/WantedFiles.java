package io.sambay4j.hub;

import io.sambay4j.json.Quote;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.Gguf;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which files of a repository the engine needs: no other weights, pictures or code. */
final class WantedFiles {
  /** Names without a folder, so that none can lead elsewhere. */
  private static final Pattern SMALL =
      Pattern.compile(
          "(?:generation_)?config\\.json|tokenizer[A-Za-z0-9_]*\\.(?:json|model)|chat_template\\.(?:jinja|json)"
              + "|(?:special_tokens_map|added_tokens|vocab|quantization)\\.json|merges\\.txt");

  private final ModelName model;
  private final List<RemoteFile> files;

  WantedFiles(ModelName model, List<RemoteFile> files) {
    this.model = model;
    this.files = files;
  }

  /**
   * What comes first: the settings, and the index of the shards where there is one; or the GGUF
   * file, and nothing after it.
   *
   * @throws HubException if the repository has no model that this engine could run
   */
  List<RemoteFile> first() {
    RemoteFile gguf = gguf();
    if (gguf != null) {
      return List.of(gguf);
    }
    List<RemoteFile> wanted = new ArrayList<>();
    for (RemoteFile file : files) {
      boolean index = file.path().equals(Checkpoint.INDEX_FILE);
      if (SMALL.matcher(file.path()).matches() || (index && single().isEmpty())) {
        wanted.add(file);
      }
    }
    return wanted;
  }

  /**
   * What comes next: the weights.
   *
   * @param snapshot with the index, where there is one
   */
  List<RemoteFile> weights(Path snapshot) {
    if (gguf() != null) {
      return List.of();
    }
    if (single().isPresent()) {
      return List.of(single().get());
    }
    List<RemoteFile> shards = new ArrayList<>();
    for (String shard : Checkpoint.shardNames(snapshot.resolve(Checkpoint.INDEX_FILE))) {
      shards.add(
          find(shard)
              .orElseThrow(
                  () ->
                      new HubException(
                          "%s names the shard %s, which %s does not have"
                              .formatted(Checkpoint.INDEX_FILE, Quote.of(shard), model))));
    }
    return shards;
  }

  private Optional<RemoteFile> find(String path) {
    return files.stream().filter(file -> file.path().equals(path)).findFirst();
  }

  private Optional<RemoteFile> single() {
    return find(Checkpoint.SINGLE_FILE);
  }

  /** The GGUF file that is meant; null where it is a directory of safetensors. */
  private @Nullable RemoteFile gguf() {
    String named = model.file();
    if (named != null) {
      return find(named)
          .orElseThrow(
              () ->
                  new HubException(
                      "%s has no file %s%s".formatted(model.repository(), named, listOfGguf())));
    }
    if (single().isPresent() || find(Checkpoint.INDEX_FILE).isPresent()) {
      return null;
    }
    throw new HubException(
        "%s has neither %s nor %s%s"
            .formatted(
                model.repository(),
                Checkpoint.SINGLE_FILE,
                Checkpoint.INDEX_FILE,
                listOfGguf().isEmpty() ? "; other formats are not read" : listOfGguf()));
  }

  private String listOfGguf() {
    String names =
        files.stream()
            .map(RemoteFile::path)
            .filter(path -> path.endsWith(Gguf.SUFFIX))
            .sorted()
            .limit(20)
            .collect(Collectors.joining(", "));
    return names.isEmpty() ? "" : "; choose one of its GGUF files with --file: " + names;
  }
}
