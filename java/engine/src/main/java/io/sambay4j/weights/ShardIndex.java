package io.sambay4j.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.json.StrictJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * {@code model.safetensors.index.json}: which shard holds which tensor.
 *
 * @param file the index itself
 * @param shardOf shard name by tensor name
 * @param totalBytes {@code metadata.total_size}, or null where the index does not give it
 */
record ShardIndex(Path file, Map<String, String> shardOf, @Nullable Long totalBytes) {
  static final String FILE = "model.safetensors.index.json";
  private static final int MAX_BYTES = 32 << 20;
  private static final int MAX_SHARDS = 1_000; // each is an open file
  private static final String SUFFIX = ".safetensors";

  /**
   * Reads the index; shards are not touched. A tensor listed twice is a duplicate key, refused by
   * the parser.
   */
  static ShardIndex read(Path file) {
    ObjectNode root = StrictJson.readObject(file, MAX_BYTES);
    if (!(root.get("weight_map") instanceof ObjectNode weightMap) || weightMap.isEmpty()) {
      throw new InvalidModelException(
          file + ": weight_map is missing or empty, expected tensor names with shard names");
    }
    Map<String, String> shardOf = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      String tensor = "tensor " + Quote.of(entry.getKey());
      if (!entry.getValue().isTextual()) {
        throw new InvalidModelException(file + ": " + tensor + " is not mapped to a file name");
      }
      String shard = entry.getValue().textValue();
      if (!shard.endsWith(SUFFIX)) {
        throw new InvalidModelException(
            file
                + ": "
                + tensor
                + " lies in "
                + Quote.of(shard)
                + ", expected a file name ending in "
                + SUFFIX);
      }
      shardOf.put(entry.getKey(), shard);
    }
    return new ShardIndex(file, shardOf, totalSize(file, root));
  }

  private static @Nullable Long totalSize(Path file, ObjectNode root) {
    JsonNode metadata = root.get("metadata");
    JsonNode size = metadata == null ? null : metadata.get("total_size");
    if (size == null) {
      return null;
    }
    // Some writers store the number as 1.0E9: allowed where it is a whole one.
    if (!size.isNumber() || !size.canConvertToExactIntegral() || !size.canConvertToLong()) {
      throw new InvalidModelException(
          file
              + ": metadata.total_size is "
              + Quote.of(size.toString())
              + ", expected a number of bytes");
    }
    return size.longValue();
  }

  /** The shards, found inside the model directory. */
  List<Path> files(ModelDirectory directory) {
    Set<String> names = new TreeSet<>(shardOf.values());
    if (names.size() > MAX_SHARDS) {
      throw new InvalidModelException(
          file + ": " + names.size() + " shards, at most " + MAX_SHARDS + " are accepted");
    }
    List<Path> files = new ArrayList<>();
    for (String name : names) {
      files.add(
          directory
              .find(name)
              .orElseThrow(
                  () ->
                      new InvalidModelException(
                          file + ": shard " + Quote.of(name) + " is missing from the directory")));
    }
    return files;
  }

  /** Compares the index with what the shards really hold. */
  void check(Map<String, String> found, long foundBytes) {
    shardOf.forEach(
        (tensor, shard) -> {
          String actual = found.get(tensor);
          if (!shard.equals(actual)) {
            throw new InvalidModelException(
                file
                    + ": tensor "
                    + Quote.of(tensor)
                    + " should be in "
                    + shard
                    + ", found in "
                    + (actual == null ? "no shard" : actual));
          }
        });
    found.forEach(
        (tensor, shard) -> {
          if (!shardOf.containsKey(tensor)) {
            throw new InvalidModelException(
                file + ": tensor " + Quote.of(tensor) + " of " + shard + " is not in the index");
          }
        });
    if (totalBytes != null && totalBytes != foundBytes) {
      throw new InvalidModelException(
          file
              + ": metadata.total_size is "
              + totalBytes
              + ", the shards hold "
              + foundBytes
              + " bytes");
    }
  }
}
