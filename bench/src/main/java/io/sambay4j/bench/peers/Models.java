package io.sambay4j.bench.peers;

import io.sambay4j.bench.RandomCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The random models of a comparison, each made when it is first asked for. */
final class Models {
  private static final long SHARD_BYTES = 1_900_000_000; // Jlama maps a file of at most 2 GiB

  private final Path folder;
  private final List<String> shape;

  /**
   * Models in a folder.
   *
   * @param shape options of RandomCheckpoint that give the dense model's sizes
   */
  Models(Path folder, List<String> shape) {
    this.folder = folder;
    this.shape = shape;
  }

  Path gguf(String type) {
    return folder.resolve("phi4-mini." + type + ".gguf");
  }

  Path flash() {
    return folder.resolve("flash");
  }

  private Path llama() {
    return folder.resolve("llama");
  }

  /** Jlama's: the layout of Llama, as written or quantised by itself. */
  Path llama(String type) {
    return type.equals("BF16") ? llama() : folder.resolve("llama-" + type);
  }

  /** Makes a model of this folder unless it is there; others are taken as they are. */
  void make(Path model) throws IOException {
    if (Files.exists(model) || !model.startsWith(folder)) {
      return;
    }
    Files.createDirectories(folder);
    Path growing = model.resolveSibling("new-" + model.getFileName());
    String name = String.valueOf(model.getFileName());
    if (name.endsWith(".gguf")) {
      String type = name.split("\\.", -1)[1];
      random(growing, concat(shape, "--type", type));
    } else if (model.equals(flash())) {
      random(growing, List.of("--shape", "flash"));
    } else if (model.equals(llama())) {
      random(
          growing,
          concat(shape, "--layout", "llama", "--shard-bytes", String.valueOf(SHARD_BYTES)));
    } else {
      make(llama());
      List<String> command = new ArrayList<>(Engine.JLAMA.program());
      String type = name.substring(name.indexOf('-') + 1);
      command.addAll(List.of("quantize", llama().toString(), growing.toString(), type));
      run(command);
    }
    Files.move(growing, model);
  }

  private static void random(Path out, List<String> options) throws IOException {
    List<String> command = new ArrayList<>(Engine.java("-Xmx2g", RandomCheckpoint.class.getName()));
    command.add(out.toString());
    command.addAll(options);
    run(command);
  }

  private static List<String> concat(List<String> first, String... more) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(more));
    return all;
  }

  private static void run(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (process.waitFor() != 0) {
        throw new IOException("failed: " + String.join(" ", command));
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
