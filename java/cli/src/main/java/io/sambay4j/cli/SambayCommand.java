package io.sambay4j.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** What stands before the name of a command. */
@Command(
    name = "sambay",
    scope = ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    versionProvider = SambayCommand.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    sortOptions = false,
    description = "Runs SambaY language models (Phi-4-mini-flash-reasoning) on this machine.",
    optionListHeading = "%nOptions:%n",
    commandListHeading = "%nCommands:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay generate \"What is 17+25?\"        the small model in the box answers",
      "  sambay pull OWNER/NAME                  download a model",
      "  sambay chat --model OWNER/NAME          talk to it; a directory will do as well",
      "  sambay inspect --model DIR              what is in a model directory, and what it needs",
      "  sambay COMMAND --help                   everything about a command"
    })
final class SambayCommand implements Runnable {
  private static final String DEBUG_VARIABLE = "SAMBAY_DEBUG";

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Option(
      names = "--verbose",
      order = 98,
      scope = ScopeType.INHERIT,
      description = "Also say what happens inside: device, formats, times.")
  private boolean verbose;

  @Option(
      names = "--debug",
      order = 99,
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of an error; so does the variable SAMBAY_DEBUG.")
  private boolean debug;

  boolean debug() {
    String variable = System.getenv(DEBUG_VARIABLE);
    return debug || (variable != null && !variable.isEmpty() && !variable.equals("0"));
  }

  String logLevel() {
    return debug() ? "debug" : verbose ? "info" : "warn";
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "a command is missing: " + String.join(", ", spec.subcommands().keySet()));
  }

  /** The version of the build, and the Java it runs on. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "sambay " + project(),
        "Java %s (%s), %s %s"
            .formatted(
                System.getProperty("java.version"),
                System.getProperty("java.vendor"),
                System.getProperty("os.name"),
                System.getProperty("os.arch"))
      };
    }

    private static String project() {
      Properties properties = new Properties();
      try (@Nullable InputStream file =
          SambayCommand.class.getResourceAsStream("version.properties")) {
        if (file == null) {
          throw new IllegalStateException("version.properties is missing from the jar");
        }
        properties.load(file);
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read version.properties", e);
      }
      return properties.getProperty("version");
    }
  }
}
