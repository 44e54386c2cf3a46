package io.sambay4j.cli;

import io.sambay4j.backend.DeviceName;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.UnmatchedArgumentException;

/** Puts the commands together and turns what happens into exit codes. */
final class Cli {
  /** Done. */
  static final int OK = 0;

  /** It could not be done: a bad file, a full memory, a device that is not there. */
  static final int FAILURE = 1;

  /** The command line, or something given on it, makes no sense. */
  static final int USAGE = 2;

  /** Ended by Ctrl-C, as shells count it: 128 + SIGINT. */
  static final int INTERRUPTED = 130;

  private static final Map<String, String> EXIT_CODES = new LinkedHashMap<>();

  static {
    EXIT_CODES.put("0", "done");
    EXIT_CODES.put("1", "failed: a bad model file, not enough memory, a device that is not there");
    EXIT_CODES.put("2", "the command line, or a value on it, makes no sense");
    EXIT_CODES.put("130", "ended by Ctrl-C");
  }

  private final Console console;
  private final SambayCommand root = new SambayCommand();

  private Cli(Console console) {
    this.console = console;
  }

  /** Runs one command line and returns the exit code. */
  static int run(Console console, String... args) {
    int code = new Cli(console).commandLine().execute(args);
    console.out().flush();
    return code;
  }

  private CommandLine commandLine() {
    CommandLine cli = new CommandLine(root);
    for (Object command :
        List.of(
            new GenerateCommand(console),
            new ChatCommand(console),
            new PullCommand(console),
            new ModelsCommand(console),
            new ServeCommand(console),
            new ScoreCommand(console),
            new InspectCommand(console),
            new QuantizeCommand(console),
            new LogitsCommand(console),
            new BenchCommand(console),
            new BenchServeCommand(console),
            new SelfTestCommand(console))) {
      cli.addSubcommand(command);
    }
    cli.registerConverter(DeviceName.class, Names::device);
    Names.register(cli, DeviceOptions.Target.class);
    Names.register(cli, ModelOptions.WeightType.class);
    Names.register(cli, ModelOptions.ActivationType.class);
    Names.register(cli, QuantizeCommand.Choice.class);
    Names.register(cli, QuantizeCommand.Head.class);
    cli.setExpandAtFiles(false); // a prompt may begin with @
    cli.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    cli.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    cli.setColorScheme(Help.defaultColorScheme(ansi(console.outTerminal())));
    cli.setUsageHelpWidth(100);
    cli.setExecutionStrategy(this::execute);
    cli.setParameterExceptionHandler(this::usageError);
    cli.setExecutionExceptionHandler(
        (failure, commandLine, parsed) ->
            new Failures(console, root.debug()).report(failure, commandLine.getCommandSpec()));
    describe(cli);
    return cli;
  }

  private static void describe(CommandLine cli) {
    List<CommandLine> commands = new ArrayList<>(cli.getSubcommands().values());
    commands.add(cli);
    for (CommandLine command : commands) {
      command.getCommandSpec().usageMessage().abbreviateSynopsis(true);
      command.getCommandSpec().usageMessage().exitCodeListHeading("%nExit codes:%n");
      command.getCommandSpec().usageMessage().exitCodeList(EXIT_CODES);
    }
  }

  private Ansi ansi(boolean terminal) {
    return terminal && console.color() ? Ansi.ON : Ansi.OFF;
  }

  private int execute(ParseResult parsed) {
    // Before the first class that logs is loaded; the levels are fixed then.
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", root.logLevel());
    return new RunLast().execute(parsed);
  }

  private static String sentence(ParameterException failure) {
    boolean noSubcommand = failure.getCommandLine().getParent() == null;
    if (noSubcommand && failure instanceof UnmatchedArgumentException unmatched) {
      return "there is no command or option " + unmatched.getUnmatched().get(0);
    }
    return String.valueOf(failure.getMessage()).replaceFirst("^Error: ", "");
  }

  private int usageError(ParameterException failure, String[] args) {
    CommandSpec spec = failure.getCommandLine().getCommandSpec();
    console.note(spec.qualifiedName() + ": " + sentence(failure));
    UnmatchedArgumentException.printSuggestions(failure, failure.getCommandLine().getErr());
    console.note("Try '" + spec.qualifiedName() + " --help'.");
    if (root.debug()) {
      failure.printStackTrace(console.err());
    }
    return USAGE;
  }
}
