package io.sambay4j.cli;

import io.sambay4j.hub.Hub;
import io.sambay4j.hub.HubSettings;
import io.sambay4j.hub.ModelName;
import io.sambay4j.hub.PullListener;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "pull",
    description =
        "Fetches configuration, tokenizer and weights of a model from a Hugging Face-compatible hub into the cache that "
            + "other tools use too, and prints where they lie. What is there already is not fetched again; what was "
            + "interrupted goes on. Every other command then takes the model's name with --model.",
    header = "Downloads a model by its name.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay pull microsoft/Phi-4-mini-flash-reasoning",
      "  sambay pull OWNER/NAME --file model-q8_0.gguf",
      "  HF_TOKEN=hf_... sambay pull OWNER/GATED-MODEL@v1.1",
      "  HF_ENDPOINT=https://mirror.example sambay pull OWNER/NAME",
      "",
      "Variables: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE,",
      "HF_HUB_DOWNLOAD_TIMEOUT (seconds), HTTPS_PROXY, HTTP_PROXY, NO_PROXY."
    })
final class PullCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "NAME", description = "owner/name, or owner/name@revision.")
  @SuppressWarnings("NullAway.Init")
  private String name;

  @Option(
      names = "--revision",
      paramLabel = "REV",
      order = 1,
      description = "Branch, tag or commit. Default: main.")
  private @Nullable String revision;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      order = 2,
      description = "Fetch this GGUF file instead of safetensors.")
  private @Nullable String file;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      order = 3,
      description = "Where downloaded models lie. Default: HF_HUB_CACHE, or hub in HF_HOME.")
  private @Nullable Path cache;

  @Option(
      names = {"-q", "--quiet"},
      order = 4,
      description = "No progress and no notes.")
  private boolean quiet;

  PullCommand(Console console) {
    this.console = console;
  }

  @Override
  @SuppressWarnings("try") // the handler of Ctrl-C works by being there
  public Integer call() {
    ModelName model = model();
    HubSettings settings = HubSettings.fromEnvironment();
    if (cache != null) {
      settings = settings.withCache(cache);
    }
    Thread main = Thread.currentThread();
    try (DownloadProgress progress = new DownloadProgress(console, model.toString());
        Interrupts interrupts = Interrupts.handle(main::interrupt)) {
      Path path = new Hub(settings).pull(model, quiet ? new PullListener() {} : progress);
      progress.close();
      if (!quiet && progress.total() > 0) {
        console.note("%s: %s here".formatted(model, Units.bytes(progress.total())));
      }
      console.out().println(path);
      return Cli.OK;
    } catch (InterruptedException e) {
      console.note("interrupted; the same command goes on from here");
      return Cli.INTERRUPTED;
    }
  }

  private ModelName model() {
    ModelName model = ModelName.parse(name);
    if (revision != null) {
      if (name.contains("@") && !model.revision().equals(revision)) {
        throw new IllegalArgumentException(
            "--revision says %s, the name says %s".formatted(revision, model.revision()));
      }
      model = model.at(revision);
    }
    if (file != null) {
      if (model.file() != null && !file.equals(model.file())) {
        throw new IllegalArgumentException(
            "--file says %s, the name says %s".formatted(file, model.file()));
      }
      model = model.withFile(file);
    }
    return model;
  }
}
