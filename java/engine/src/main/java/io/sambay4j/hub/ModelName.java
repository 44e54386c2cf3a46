package io.sambay4j.hub;

import io.sambay4j.json.Quote;
import io.sambay4j.weights.Gguf;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model on a hub, written {@code owner/name}, {@code owner/name@revision} or, for one file of
 * several, {@code owner/name:model-q8_0.gguf}.
 *
 * @param owner user or organisation
 * @param name of the repository
 * @param revision branch, tag or commit
 * @param file the GGUF file that is meant; null: the repository's safetensors, or its only GGUF
 *     file
 */
public record ModelName(String owner, String name, String revision, @Nullable String file) {
  /** The revision where none is given. */
  public static final String DEFAULT_REVISION = "main";

  private static final int MAX_CHARS = 96;
  private static final int MAX_PATH_CHARS = 250;
  private static final String PART = "[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
  private static final String PATH = PART + "(?:/" + PART + ")*";
  private static final Pattern SYNTAX =
      Pattern.compile("(%1$s)/(%1$s)(?:@(%2$s))?(?::(%2$s))?".formatted(PART, PATH));
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /**
   * Checks the parts.
   *
   * @throws IllegalArgumentException if one of them is not as hubs allow it
   */
  public ModelName {
    checkPart(owner);
    checkPart(name);
    checkPath("revision", revision);
    if (file != null) {
      checkPath("file", file);
      if (!file.endsWith(Gguf.SUFFIX)) {
        throw new IllegalArgumentException(
            "%s is not the name of a GGUF file, the only kind that is taken by name"
                .formatted(Quote.of(file)));
      }
    }
  }

  /**
   * Reads a name.
   *
   * @throws IllegalArgumentException if it is not one
   */
  public static ModelName parse(String text) {
    return find(text)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    Quote.of(text)
                        + " is not the name of a model, expected owner/name, owner/name@revision or "
                        + "owner/name:file.gguf"));
  }

  /** Reads a name; empty for any other text, such as most paths. */
  static Optional<ModelName> find(String text) {
    Matcher parts = SYNTAX.matcher(text);
    if (text.length() > 2 * (MAX_CHARS + MAX_PATH_CHARS) || !parts.matches()) {
      return Optional.empty();
    }
    String revision = parts.group(3) == null ? DEFAULT_REVISION : parts.group(3);
    try {
      return Optional.of(new ModelName(parts.group(1), parts.group(2), revision, parts.group(4)));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // two dots, or too long
    }
  }

  /** Whether a text is written as the name of a model is; so are some relative paths. */
  public static boolean isOne(String text) {
    return find(text).isPresent();
  }

  /** {@code owner/name}. */
  public String repository() {
    return owner + "/" + name;
  }

  /** The same model at another revision. */
  public ModelName at(String other) {
    return new ModelName(owner, name, other, file);
  }

  /** The same repository, and one file of it. */
  public ModelName withFile(@Nullable String other) {
    return new ModelName(owner, name, revision, other);
  }

  /** Whether the revision is a commit, which never changes. */
  boolean isPinned() {
    return isCommit(revision);
  }

  static boolean isCommit(String text) {
    return COMMIT.matcher(text).matches();
  }

  /** As it is written. */
  @Override
  public String toString() {
    return repository()
        + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision)
        + (file == null ? "" : ":" + file);
  }

  private static void checkPart(String part) {
    if (part.length() > MAX_CHARS
        || !part.matches(PART)
        || part.contains("..")
        || part.contains("--")
        || part.endsWith(".git")) {
      throw new IllegalArgumentException(
          Quote.of(part)
              + " is not the name of an owner or a repository: up to %d letters, digits, '-', '_' and '.'"
                  .formatted(MAX_CHARS));
    }
  }

  private static void checkPath(String what, String path) {
    if (path.length() > MAX_PATH_CHARS || !path.matches(PATH) || path.contains("..")) {
      throw new IllegalArgumentException(
          "%s %s is not acceptable: up to %d letters, digits, '-', '_', '.' and single '/'"
              .formatted(what, Quote.of(path), MAX_PATH_CHARS));
    }
  }
}
