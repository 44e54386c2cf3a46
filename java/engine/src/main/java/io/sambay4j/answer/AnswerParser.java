package io.sambay4j.answer;

import io.sambay4j.answer.AnswerDelta.Content;
import io.sambay4j.answer.AnswerDelta.Reasoning;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Splits an answer into thought, content and calls of tools while it is being written.
 *
 * <p>Text comes in pieces cut anywhere; what comes out does not depend on the cuts, and never holds
 * part of a tag. White space around a thought and before calls is left out. A tag that is not
 * closed at the end is as if it were. What stands between the tags of a call and is no call is
 * content, as it was written.
 *
 * <p>One parser serves one answer, in one thread at a time.
 */
public final class AnswerParser {
  private enum Part {
    /** White space before anything else. */
    BEGINNING,
    THOUGHT,
    CONTENT,
    CALLS
  }

  private final AnswerFormat format;
  private Part part;

  /** What has not been decided about yet. */
  private final StringBuilder pending = new StringBuilder();

  /** White space that is given out only if something follows it. */
  private final StringBuilder blank = new StringBuilder();

  private boolean afterTag;
  private CallReader calls = new CallReader(0);

  /** A parser at the beginning of an answer. */
  public AnswerParser(AnswerFormat format) {
    this.format = format;
    AnswerFormat.Thought thought = format.thought();
    if (thought == null) {
      part = Part.CONTENT;
    } else {
      part = thought.opened() ? Part.THOUGHT : Part.BEGINNING;
      afterTag = thought.opened();
    }
  }

  /** Whether the next text belongs to the thought, or to the tag that closes it. */
  public boolean isInThought() {
    return part == Part.THOUGHT;
  }

  /** Takes the next piece of text; returns what is certain now, perhaps nothing. */
  public List<AnswerDelta> append(String text) {
    List<AnswerDelta> out = new ArrayList<>();
    pending.append(text);
    read(out, false);
    return joined(out);
  }

  /** Ends the answer; returns what was held back. */
  public List<AnswerDelta> finish() {
    List<AnswerDelta> out = new ArrayList<>();
    read(out, true);
    if (part == Part.CALLS) {
      leaveCalls(out);
    }
    if (part == Part.CONTENT) {
      give(out, "", true); // white space at the very end of content is content
    }
    return joined(out);
  }

  private void read(List<AnswerDelta> out, boolean last) {
    boolean goOn = true;
    while (goOn) {
      goOn =
          switch (part) {
            case BEGINNING -> readBeginning(last);
            case THOUGHT -> readThought(out, last);
            case CONTENT -> readContent(out, last);
            case CALLS -> readCalls(out, last);
          };
    }
  }

  private boolean readBeginning(boolean last) {
    AnswerFormat.Thought thought = Objects.requireNonNull(format.thought());
    int start = 0;
    while (start < pending.length() && Character.isWhitespace(pending.charAt(start))) {
      start++;
    }
    String rest = pending.substring(start);
    if (rest.startsWith(thought.open())) {
      pending.delete(0, start + thought.open().length());
      part = Part.THOUGHT;
      afterTag = true;
      return true;
    }
    if (!last && thought.open().startsWith(rest)) {
      return false; // it may still become the tag
    }
    part = Part.CONTENT;
    return true;
  }

  private boolean readThought(List<AnswerDelta> out, boolean last) {
    AnswerFormat.Thought thought = Objects.requireNonNull(format.thought());
    if (!giveUntil(thought.close(), out, last)) {
      return false;
    }
    part = Part.CONTENT;
    blank.setLength(0);
    afterTag = true;
    return true;
  }

  private boolean readContent(List<AnswerDelta> out, boolean last) {
    AnswerFormat.Calls tags = format.calls();
    if (tags == null) {
      give(out, take(pending.length()), last);
      return false;
    }
    if (!giveUntil(tags.open(), out, last)) {
      return false;
    }
    part = Part.CALLS;
    calls = new CallReader(calls.nextIndex());
    return true;
  }

  private boolean readCalls(List<AnswerDelta> out, boolean last) {
    AnswerFormat.Calls tags = Objects.requireNonNull(format.calls());
    int at = 0;
    boolean closed = false;
    while (at < pending.length() && !closed) {
      if (!calls.isInString()) {
        String rest = pending.substring(at, Math.min(pending.length(), at + tags.close().length()));
        if (rest.equals(tags.close())) {
          closed = true;
          continue;
        }
        if (!last && tags.close().startsWith(rest)) {
          break; // it may still become the tag
        }
      }
      calls.read(pending.charAt(at++), out);
    }
    pending.delete(0, at);
    if (!closed) {
      return false;
    }
    pending.delete(0, tags.close().length());
    calls.close(tags.close());
    leaveCalls(out);
    return true;
  }

  /** Goes back to content; what was no call becomes part of it. */
  private void leaveCalls(List<AnswerDelta> out) {
    AnswerFormat.Calls tags = Objects.requireNonNull(format.calls());
    String unread = calls.unread();
    part = Part.CONTENT;
    if (!unread.isEmpty()) {
      give(out, tags.open() + unread, false);
      afterTag = false;
    } else {
      blank.setLength(0);
      afterTag = true;
    }
  }

  /** Gives out text up to a tag and takes the tag; false if it has not come yet. */
  private boolean giveUntil(String tag, List<AnswerDelta> out, boolean last) {
    int found = pending.indexOf(tag);
    if (found >= 0) {
      give(out, take(found), false);
      pending.delete(0, tag.length());
      return true;
    }
    int keep = last ? 0 : Math.min(pending.length(), tag.length() - 1);
    while (keep > 0 && !tag.startsWith(pending.substring(pending.length() - keep))) {
      keep--;
    }
    give(out, take(pending.length() - keep), false);
    return false;
  }

  private String take(int length) {
    String text = pending.substring(0, length);
    pending.delete(0, length);
    return text;
  }

  /** Gives out a text of the current part, white space at its end only if all is wanted. */
  private void give(List<AnswerDelta> out, String text, boolean all) {
    blank.append(text);
    int start = 0;
    if (afterTag) {
      while (start < blank.length() && Character.isWhitespace(blank.charAt(start))) {
        start++;
      }
      afterTag = start == blank.length();
    }
    blank.delete(0, start);
    int end = blank.length();
    while (!all && holdsBack() && end > 0 && Character.isWhitespace(blank.charAt(end - 1))) {
      end--;
    }
    if (end > 0) {
      String piece = blank.substring(0, end);
      blank.delete(0, end);
      out.add(part == Part.THOUGHT ? new Reasoning(piece) : new Content(piece));
    }
  }

  /** Whether a tag that swallows white space may still come. */
  private boolean holdsBack() {
    return part == Part.THOUGHT || format.calls() != null;
  }

  /** Neighbouring texts of one kind as one. */
  private static List<AnswerDelta> joined(List<AnswerDelta> deltas) {
    List<AnswerDelta> joined = new ArrayList<>();
    for (AnswerDelta delta : deltas) {
      int last = joined.size() - 1;
      AnswerDelta before = last < 0 ? null : joined.get(last);
      if (before instanceof Content a && delta instanceof Content b) {
        joined.set(last, new Content(a.text() + b.text()));
      } else if (before instanceof Reasoning a && delta instanceof Reasoning b) {
        joined.set(last, new Reasoning(a.text() + b.text()));
      } else if (before instanceof AnswerDelta.CallArguments a
          && delta instanceof AnswerDelta.CallArguments b
          && a.index() == b.index()) {
        joined.set(last, new AnswerDelta.CallArguments(a.index(), a.text() + b.text()));
      } else {
        joined.add(delta);
      }
    }
    return joined;
  }
}
