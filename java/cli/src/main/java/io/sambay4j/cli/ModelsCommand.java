package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.hub.CachedModel;
import io.sambay4j.hub.ModelCache;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "models",
    description =
        "Lists what lies in the cache of downloaded models, by sambay pull or by other tools that share it. Not every "
            + "model there is one that this engine runs; sambay inspect tells.",
    header = "Lists the models that have been downloaded.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {"  sambay models", "  sambay models --json | jq '.[].path'"})
final class ModelsCommand implements Callable<Integer> {
  private static final int SHORT_COMMIT = 12;

  private final Console console;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      order = 1,
      description = "Where downloaded models lie. Default: HF_HUB_CACHE, or hub in HF_HOME.")
  private @Nullable Path cache;

  @Option(names = "--json", order = 41, description = "One JSON array instead of a table.")
  private boolean json;

  ModelsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    ModelCache models = cache == null ? ModelCache.standard() : ModelCache.at(cache);
    List<CachedModel> found = models.list();
    if (json) {
      console.out().println(Json.line(toJson(found)));
    } else if (found.isEmpty()) {
      console.note(
          "no models in %s; sambay pull owner/name fetches one".formatted(models.directory()));
    } else {
      Table table = new Table("model", "revision", "commit", ">size", "");
      for (CachedModel model : found) {
        table.row(
            model.repository(),
            String.join(", ", model.revisions()),
            model.commit().substring(0, SHORT_COMMIT),
            Units.bytes(model.bytes()),
            model.complete() ? "" : "not complete");
      }
      table.print(console.out());
    }
    return Cli.OK;
  }

  private static ArrayNode toJson(List<CachedModel> models) {
    ArrayNode all = Json.object().putArray("models");
    for (CachedModel model : models) {
      ObjectNode node =
          all.addObject()
              .put("model", model.repository())
              .put("commit", model.commit())
              .put("bytes", model.bytes())
              .put("complete", model.complete())
              .put("path", model.path().toString());
      ArrayNode revisions = node.putArray("revisions");
      model.revisions().forEach(revisions::add);
    }
    return all;
  }
}
