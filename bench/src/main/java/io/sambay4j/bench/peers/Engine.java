package io.sambay4j.bench.peers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An engine that is timed in a process of its own, which prints one line of JSON; {@code
 * bench/peers/node/engine.mjs} says what is in it.
 */
enum Engine {
  SAMBAY("sambay4j"),
  LLAMA_NPM("llama.cpp (npm)"),
  LLAMA_MAVEN("llama.cpp (Maven)"),
  JLAMA("Jlama");

  /** The folder of the engines' programs, from the root of the repository. */
  static final Path PEERS = Path.of("bench", "peers");

  private static final Path NODE = PEERS.resolve("node");
  private static final String JAVA_HOME_JLAMA = "JAVA_HOME_JLAMA";

  private final String title;

  Engine(String title) {
    this.title = title;
  }

  /** For the head of a column. */
  String title() {
    return title;
  }

  /** Why it cannot run here; empty if it can. */
  String missing() {
    return switch (this) {
      case SAMBAY -> "";
      case LLAMA_NPM -> absent(NODE.resolve("node_modules/node-llama-cpp"));
      case LLAMA_MAVEN -> absent(PEERS.resolve("llama-java/target/lib"));
      case JLAMA ->
          jlamaHome().isEmpty()
              ? JAVA_HOME_JLAMA + " is not set: it needs Java 20 or later with preview features"
              : absent(PEERS.resolve("jlama/target/lib"));
    };
  }

  private static String absent(Path needed) {
    return Files.isDirectory(needed) ? "" : "not installed, there is no " + needed;
  }

  /**
   * The command that times one test.
   *
   * @param type of the weights, as the engine calls it
   */
  List<String> command(Path model, Test test, int tokens, int context, String type, Options with) {
    List<String> command = new ArrayList<>(program());
    command.addAll(
        List.of(
            model.toString(),
            test.name().toLowerCase(java.util.Locale.ROOT),
            String.valueOf(tokens),
            String.valueOf(context),
            String.valueOf(with.threads())));
    switch (this) {
      case SAMBAY -> command.addAll(List.of(type, with.activations()));
      case LLAMA_NPM -> {
        if (context > 0) {
          command.add(model + "." + context + ".state");
        }
      }
      case LLAMA_MAVEN -> {}
      case JLAMA -> command.add(type);
    }
    return command;
  }

  /** The program without its arguments. */
  List<String> program() {
    return switch (this) {
      case SAMBAY -> java("-Xmx512m", SambayProcess.class.getName());
      case LLAMA_NPM -> List.of("node", NODE.resolve("engine.mjs").toString());
      case LLAMA_MAVEN ->
          List.of(ownJava(), "-cp", classPath(PEERS.resolve("llama-java")), "peers.LlamaJava");
      case JLAMA ->
          List.of(
              Path.of(jlamaHome(), "bin", "java").toString(),
              "--enable-native-access=ALL-UNNAMED",
              "--add-modules=jdk.incubator.vector",
              "--enable-preview",
              "-Xmx6g",
              "-cp",
              classPath(PEERS.resolve("jlama")),
              "peers.Jlama");
    };
  }

  /** A program of this module on the VM that runs now. */
  static List<String> java(String heap, String mainClass) {
    return List.of(
        ownJava(),
        heap,
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        System.getProperty("java.class.path"),
        mainClass);
  }

  private static String ownJava() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  private static String jlamaHome() {
    return System.getenv().getOrDefault(JAVA_HOME_JLAMA, "");
  }

  private static String classPath(Path module) {
    return module.resolve("target/classes") + ":" + module.resolve("target/lib") + "/*";
  }

  /** What is timed. */
  enum Test {
    /** Seconds of each token after a context. */
    DECODE,
    /** Seconds of a prompt, to the first choice. */
    PREFILL
  }

  /**
   * What all processes share.
   *
   * @param activations of this engine: f32 or bf16
   */
  record Options(int threads, String activations) {}

  /** How each engine calls a type of weights; an empty name means that it has no such type. */
  static final Map<String, Map<Engine, String>> TYPES =
      Map.of(
          "q4_0", Map.of(SAMBAY, "stored", LLAMA_NPM, "q4_0", LLAMA_MAVEN, "q4_0", JLAMA, "Q4"),
          "q8_0", Map.of(SAMBAY, "stored", LLAMA_NPM, "q8_0", LLAMA_MAVEN, "q8_0", JLAMA, ""),
          "bf16", Map.of(SAMBAY, "stored", LLAMA_NPM, "bf16", LLAMA_MAVEN, "bf16", JLAMA, "BF16"));
}
