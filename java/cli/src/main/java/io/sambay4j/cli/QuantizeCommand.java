package io.sambay4j.cli;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelQuantizer;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.FileChecksum;
import io.sambay4j.weights.QuantizationManifest;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "quantize",
    description =
        "Writes a copy of a model directory with weights of 4 or 8 bits in groups of 32. int4 keeps the embedding and "
            + "head in int8; mixed keeps the MLPs in int4 and everything else in int8. What steers the recurrence stays "
            + "finer in all of them. Nothing bears the target's name before all of it is written.",
    header = "Writes a smaller copy of a model.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay quantize --model DIR --to int4 DIR-int4",
      "  sambay quantize --model DIR --to int4 --head int4 DIR-int4",
      "  sambay inspect --model DIR-int4 --verify"
    })
final class QuantizeCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      order = 1,
      description =
          "Model directory to read, or the name of a model. Default: the model in the box.")
  private @Nullable String from;

  @Option(
      names = "--to",
      paramLabel = "TYPE",
      order = 2,
      required = true,
      description = "int4, int8 or mixed.")
  @SuppressWarnings("NullAway.Init")
  private Choice to;

  @Option(
      names = "--head",
      paramLabel = "TYPE",
      order = 3,
      description = "Embedding and head: int4, int8, or stored. Default: int8.")
  private Head head = Head.INT8;

  @Parameters(paramLabel = "TARGET", description = "Directory to write. It must not exist.")
  @SuppressWarnings("NullAway.Init")
  private Path target;

  enum Choice {
    INT4,
    INT8,
    MIXED;

    private WeightFormat format() {
      return switch (this) {
        case INT4 -> WeightFormat.INT4;
        case INT8 -> WeightFormat.INT8;
        case MIXED -> WeightFormat.MIXED;
      };
    }
  }

  enum Head {
    INT4,
    INT8,
    STORED;

    private DType dtype() {
      return switch (this) {
        case INT4 -> DType.INT4;
        case INT8 -> DType.INT8;
        case STORED -> DType.F32; // any that is not quantised
      };
    }
  }

  QuantizeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Path source = ModelOptions.path(from);
    QuantizationManifest manifest;
    try (Progress progress = new Progress(console, "quantizing")) {
      manifest =
          ModelQuantizer.quantize(
              source, target, to.format().withEmbedding(head.dtype()), progress);
    }
    console
        .out()
        .println(
            "%s: %s, %s from %s"
                .formatted(
                    target,
                    to.name().toLowerCase(Locale.ROOT),
                    Units.bytes(bytes(manifest.files())),
                    Units.bytes(bytes(manifest.source()))));
    return Cli.OK;
  }

  private static long bytes(Map<String, FileChecksum> files) {
    return files.entrySet().stream()
        .filter(file -> file.getKey().endsWith(".safetensors"))
        .mapToLong(file -> file.getValue().bytes())
        .sum();
  }
}
