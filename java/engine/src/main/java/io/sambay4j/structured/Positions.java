package io.sambay4j.structured;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The places of a grammar in which a text can be, and how bytes lead from one to the next.
 *
 * <p>A text may be read in several ways at once. So a {@link Position} is a set of states, each on
 * a stack of calls that are to be returned from; stacks that have their lower part in common share
 * it, as in the graph-structured stack of Tomita (1986), so that ambiguous grammars take polynomial
 * space. Equal stacks and equal positions are one object, which makes what is known of them
 * reusable.
 *
 * <p>Not thread-safe.
 */
final class Positions {
  /** A call to be returned from: the state after it, and the calls it was made in. */
  static final class Frame {
    final int number; // in the order of creation: what a frame stands on has a lower one
    final int state;
    final @Nullable Frames below; // null for the two markers
    @Nullable Frames alone;

    private Frame(int number, int state, @Nullable Frames below) {
      this.number = number;
      this.state = state;
      this.below = below;
    }
  }

  /** Calls any of which may be the innermost. */
  static final class Frames {
    final List<Frame> frames; // by ascending number
    final Map<Integer, Frame> above = new HashMap<>();
    @Nullable Position afterReturn;

    private Frames(List<Frame> frames) {
      this.frames = frames;
    }
  }

  /** A state and the calls it may be in. */
  record Item(int state, Frames frames) {}

  /** Everything a text may be in the middle of. */
  static final class Position {
    final List<Item> items; // by state; only states that read something
    final boolean complete; // the text may end here
    final boolean escaped; // the rule that was entered without knowing its caller may end here
    private Position @Nullable [] next;

    private Position(List<Item> items, boolean complete, boolean escaped) {
      this.items = items;
      this.complete = complete;
      this.escaped = escaped;
    }

    /** Whether no text leads here. */
    boolean isDead() {
      return items.isEmpty() && !complete && !escaped;
    }
  }

  private final Automaton automaton;

  /** By tag, its control token, or -1 where it is ordinary text. */
  private final int[] tagTokens;

  private final Map<List<Frame>, Frames> knownFrames = new HashMap<>();
  private final Map<List<Object>, Position> knownPositions = new HashMap<>();
  private int frameCount;
  private int tables;

  /** Stands below the root rule. */
  private final Frame bottom = new Frame(frameCount++, -1, null);

  /** Stands below a rule whose caller is left open. */
  private final Frame unknown = new Frame(frameCount++, -1, null);

  Positions(Automaton automaton, int[] tagTokens) {
    this.automaton = automaton;
    this.tagTokens = tagTokens;
  }

  /** The place before the text. */
  Position start() {
    int start = automaton.start();
    boolean mayBeEmpty = automaton.state(start).accepting;
    return close(List.of(new Item(start, alone(bottom))), mayBeEmpty, false);
  }

  /** One state of a rule whose caller is left open, without the rules it calls. */
  Position inside(int state) {
    return position(List.of(new Item(state, alone(unknown))), false, false);
  }

  /** The place after a return to any of the calls. */
  Position afterReturn(Frames frames) {
    if (frames.afterReturn == null) {
      List<Item> items = new ArrayList<>();
      boolean complete = false;
      for (Frame frame : frames.frames) {
        if (frame.below != null) {
          items.add(new Item(frame.state, frame.below));
        } else {
          complete |= frame == bottom;
        }
      }
      frames.afterReturn = close(items, complete, false);
    }
    return frames.afterReturn;
  }

  /** The place after one more byte. */
  Position next(Position position, int b) {
    if (position.next == null) {
      position.next = new Position[256];
      tables++;
    }
    Position next = position.next[b];
    if (next == null) {
      List<Item> items = new ArrayList<>();
      for (Item item : position.items) {
        int state = automaton.state(item.state).next(b);
        if (state >= 0) {
          items.add(new Item(state, item.frames));
        }
      }
      next = close(items, false, false);
      position.next[b] = next;
    }
    return next;
  }

  /** The place after a control token. */
  Position afterTag(Position position, int token) {
    List<Item> items = new ArrayList<>();
    for (Item item : position.items) {
      Automaton.State state = automaton.state(item.state);
      for (Nfa.SymbolEdge tag : state.tags) {
        if (tagTokens[tag.what()] == token) {
          items.add(new Item(tag.to(), item.frames));
        }
      }
    }
    return close(items, false, false);
  }

  /** The same place among these positions, for one of others over the same automaton. */
  Position adopt(Position foreign, Positions home) {
    List<Frame> needed = home.framesBelow(foreign);
    needed.sort(Comparator.comparingInt(frame -> frame.number));
    Map<Frame, Frame> own = new HashMap<>(Map.of(home.bottom, bottom, home.unknown, unknown));
    for (Frame frame : needed) {
      if (frame.below != null) {
        own.put(frame, frame(frame.state, translate(frame.below, own)));
      }
    }
    List<Item> items =
        foreign.items.stream()
            .map(item -> new Item(item.state, translate(item.frames, own)))
            .toList();
    return position(items, foreign.complete, foreign.escaped);
  }

  private Frames translate(Frames frames, Map<Frame, Frame> own) {
    return frames(frames.frames.stream().map(own::get).toList());
  }

  private List<Frame> framesBelow(Position position) {
    Map<Frame, Frame> seen = new HashMap<>();
    Deque<Frames> todo = new ArrayDeque<>();
    position.items.forEach(item -> todo.add(item.frames));
    while (!todo.isEmpty()) {
      for (Frame frame : todo.pop().frames) {
        if (seen.put(frame, frame) == null && frame.below != null) {
          todo.push(frame.below);
        }
      }
    }
    return new ArrayList<>(seen.keySet());
  }

  /** The bytes of memory that positions and stacks take, about. */
  long bytes() {
    return 200L * (knownPositions.size() + knownFrames.size() + frameCount) + 1040L * tables;
  }

  // From states just entered to everything that can be read next.

  private Position close(List<Item> entered, boolean complete, boolean escaped) {
    Map<Integer, Frames> reached = new HashMap<>();
    Deque<Item> returning = new ArrayDeque<>();
    for (Item item : entered) {
      enter(item, reached, returning);
    }
    boolean ends = complete;
    boolean escapes = escaped;
    while (!returning.isEmpty()) {
      for (Frame frame : returning.pop().frames.frames) {
        if (frame.below != null) {
          enter(new Item(frame.state, frame.below), reached, returning);
        } else {
          ends |= frame == bottom;
          escapes |= frame == unknown;
        }
      }
    }
    return position(withCalls(reached), ends, escapes);
  }

  /** Takes note of a state; where its rule may end, it is also to be returned from. */
  private void enter(Item item, Map<Integer, Frames> reached, Deque<Item> returning) {
    Frames before = reached.get(item.state);
    Frames all = before == null ? item.frames : union(before, item.frames);
    if (all != before) {
      reached.put(item.state, all);
      if (automaton.state(item.state).accepting) {
        returning.push(item);
      }
    }
  }

  /**
   * The states that read something: those reached, and those at the start of the rules they call.
   * States are taken by falling rank, so that all calls of a rule are known before it is entered.
   */
  private List<Item> withCalls(Map<Integer, Frames> reached) {
    TreeMap<Long, Frames> open = new TreeMap<>();
    reached.forEach((state, frames) -> open.put(order(state), frames));
    List<Item> items = new ArrayList<>();
    while (!open.isEmpty()) {
      Map.Entry<Long, Frames> first = open.pollFirstEntry();
      int index = (int) (long) first.getKey();
      Automaton.State state = automaton.state(index);
      Frames frames = first.getValue();
      if (state.reads()) {
        items.add(new Item(index, frames));
      }
      for (Nfa.SymbolEdge call : state.calls) {
        call(call.what(), call.to(), frames, open);
      }
      for (Nfa.SymbolEdge tag : state.tags) {
        if (tagTokens[tag.what()] < 0) {
          call(automaton.tagRule(tag.what()), tag.to(), frames, open);
        }
      }
    }
    items.sort(Comparator.comparingInt(Item::state));
    return items;
  }

  private void call(int rule, int back, Frames frames, Map<Long, Frames> open) {
    // A call at the very end of a rule returns to where that rule was called, so that lists written
    // by recursion do not pile up frames.
    Frames called = automaton.state(back).onlyEnds() ? frames : alone(frame(back, frames));
    open.merge(order(automaton.start(rule)), called, this::union);
  }

  private long order(int state) {
    return (long) (Integer.MAX_VALUE - automaton.state(state).rank) << 32 | state;
  }

  // One object for what is equal.

  private Frame frame(int state, Frames below) {
    return below.above.computeIfAbsent(state, s -> new Frame(frameCount++, s, below));
  }

  private Frames alone(Frame frame) {
    if (frame.alone == null) {
      frame.alone = frames(List.of(frame));
    }
    return frame.alone;
  }

  private Frames union(Frames a, Frames b) {
    if (a == b) {
      return a;
    }
    List<Frame> all = new ArrayList<>(a.frames);
    for (Frame frame : b.frames) {
      if (!a.frames.contains(frame)) {
        all.add(frame);
      }
    }
    return frames(all);
  }

  private Frames frames(List<Frame> frames) {
    List<Frame> sorted = new ArrayList<>(frames);
    sorted.sort(Comparator.comparingInt(frame -> frame.number));
    return knownFrames.computeIfAbsent(List.copyOf(sorted), Frames::new);
  }

  private Position position(List<Item> items, boolean complete, boolean escaped) {
    List<Object> key = new ArrayList<>(Arrays.asList(complete, escaped));
    for (Item item : items) {
      key.add(item.state);
      key.add(item.frames);
    }
    return knownPositions.computeIfAbsent(key, k -> new Position(items, complete, escaped));
  }
}
