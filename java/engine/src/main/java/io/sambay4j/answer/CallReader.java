package io.sambay4j.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads what stands between the tags of tool calls, character by character: one object with {@code
 * name} and {@code arguments} (or {@code parameters}), or several, in a list or not. Arguments are
 * given out as they come, once the name is known.
 */
final class CallReader {
  private static final ObjectMapper JSON = new ObjectMapper();

  private int index;

  /** What has been read since the last complete call, as it was written. */
  private final StringBuilder unread = new StringBuilder();

  private int depth; // of braces and brackets inside the call; 1: between its members
  private boolean inString;
  private boolean escaped;

  private final StringBuilder key = new StringBuilder();
  private final StringBuilder value = new StringBuilder();
  private boolean inValue;
  private @Nullable String name;

  /** Arguments that came before the name. */
  private String early = "";

  private boolean started;
  private boolean hasArguments;
  private boolean broken;

  /** A reader whose first call has a number. */
  CallReader(int index) {
    this.index = index;
  }

  /** The number of the next call. */
  int nextIndex() {
    return started ? index + 1 : index;
  }

  /** Whether a closing tag would be part of a string, and so of a call. */
  boolean isInString() {
    return inString;
  }

  /** What was read and is no call, as it was written. */
  String unread() {
    return started || isSeparator() ? "" : unread.toString();
  }

  private boolean isSeparator() {
    return unread
        .toString()
        .chars()
        .allMatch(c -> Character.isWhitespace(c) || "[],".indexOf(c) >= 0);
  }

  /** The closing tag; what is no call keeps it. */
  void close(String tag) {
    if (!isSeparator() && !started) {
      unread.append(tag);
    }
  }

  void read(char c, List<AnswerDelta> out) {
    unread.append(c);
    if (depth == 0) {
      if (c == '{' && !broken) {
        depth = 1;
      } else if (!Character.isWhitespace(c) && "[],".indexOf(c) < 0) {
        broken = true; // no call begins like this
      }
      return;
    }
    if (inString) {
      readInString(c, out);
    } else {
      readOutside(c, out);
    }
  }

  private void readInString(char c, List<AnswerDelta> out) {
    add(c, out);
    if (escaped) {
      escaped = false;
    } else if (c == '\\') {
      escaped = true;
    } else if (c == '"') {
      inString = false;
    }
  }

  private void readOutside(char c, List<AnswerDelta> out) {
    if (c == '"') {
      inString = true;
      add(c, out);
    } else if (c == '{' || c == '[') {
      depth++;
      add(c, out);
    } else if (c == '}' || c == ']') {
      depth--;
      if (depth == 0) {
        endMember(out);
        endCall(out);
      } else {
        add(c, out);
      }
    } else if (depth == 1 && c == ':' && !inValue) {
      inValue = true;
    } else if (depth == 1 && c == ',') {
      endMember(out);
    } else {
      add(c, out);
    }
  }

  private void add(char c, List<AnswerDelta> out) {
    if (!inValue) {
      key.append(c);
      return;
    }
    if (value.isEmpty() && Character.isWhitespace(c) && !inString) {
      return;
    }
    value.append(c);
    if (started && isArguments() && value.charAt(0) != '"') {
      boolean blank = Character.isWhitespace(c) && !inString && depth == 1;
      if (!blank) {
        giveArguments(String.valueOf(c), out);
      }
    }
  }

  private void giveArguments(String text, List<AnswerDelta> out) {
    hasArguments = true;
    out.add(new AnswerDelta.CallArguments(index, text));
  }

  private boolean isArguments() {
    String text = key.toString().strip();
    return text.equals("\"arguments\"") || text.equals("\"parameters\"");
  }

  private void endMember(List<AnswerDelta> out) {
    String text = value.toString().strip();
    if (key.toString().strip().equals("\"name\"")) {
      name = string(text);
      if (name != null && !started) {
        started = true;
        out.add(new AnswerDelta.CallStart(index, name));
        if (!early.isEmpty()) {
          giveArguments(early, out);
        }
      }
    } else if (isArguments()) {
      String inside = text.startsWith("\"") ? string(text) : null; // JSON written as a string
      if (!started) {
        early = inside == null ? text : inside;
      } else if (inside != null && !inside.isEmpty()) {
        giveArguments(inside, out);
      }
    }
    key.setLength(0);
    value.setLength(0);
    inValue = false;
  }

  private void endCall(List<AnswerDelta> out) {
    if (started) {
      if (!hasArguments) {
        out.add(new AnswerDelta.CallArguments(index, "{}"));
      }
      index++;
      unread.setLength(0);
    } else {
      broken = true;
    }
    started = false;
    hasArguments = false;
    name = null;
    early = "";
  }

  private static @Nullable String string(String json) {
    try {
      JsonNode node = JSON.readTree(json);
      return node.isTextual() ? node.textValue() : null;
    } catch (JsonProcessingException e) {
      return null; // a model may write anything; what is no call is given as content
    }
  }
}
