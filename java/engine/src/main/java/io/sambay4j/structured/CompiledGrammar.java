package io.sambay4j.structured;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.structured.Positions.Item;
import io.sambay4j.structured.Positions.Position;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A grammar over the vocabulary of one tokenizer: which tokens may come next in each place.
 *
 * <p>A mask is found by walking the tree of the vocabulary with the automaton. What a state allows
 * whatever it was called from is kept per state: for a JSON string these are nearly all tokens.
 * Only those that run past the end of its rule, and so depend on the callers, are walked per place;
 * the whole mask of a place is kept as well.
 *
 * <p>All generations share what is kept, under one lock. When it exceeds its budget, it is dropped
 * and found again. A mask that is not kept takes milliseconds: it is found by another thread.
 */
final class CompiledGrammar implements TokenConstraint.Factory {
  /** What is kept for one grammar may take so much memory. */
  private static final long MAX_BYTES = 8L << 20;

  private static final int NO_TOKEN = -1;

  /** A place in the grammar, among the positions that were in use when it was reached. */
  record Place(Positions positions, Position position) {}

  /**
   * A place, and the tokens that may come next; the end apart.
   *
   * @param allowed of the vocabulary
   */
  record Here(Place place, TokenMask allowed) {}

  /**
   * What a state allows, whatever its rule was called from.
   *
   * @param tokens that end within the rule
   * @param ends nodes of the vocabulary after which the rule may have ended
   */
  private record Inside(BitSet tokens, List<Integer> ends) {}

  private final Automaton automaton;
  private final VocabularyTrie vocabulary;
  private final int[] tagTokens;
  private final int[] stateClasses;

  private final ReentrantLock lock = new ReentrantLock(); // guards what follows
  private Positions positions;
  private final Map<Integer, Inside> insides = new HashMap<>();
  private final Map<Position, TokenMask> masks = new HashMap<>();
  private long maskBytes;
  private long adoptedBytes;

  CompiledGrammar(Automaton automaton, Tokenizer tokenizer) {
    this.automaton = automaton;
    vocabulary = VocabularyTrie.of(tokenizer);
    tagTokens = automaton.tags().stream().mapToInt(tag -> tokenizer.id(tag).orElse(-1)).toArray();
    stateClasses = StateClasses.of(automaton, vocabulary.maxDepth());
    positions = new Positions(automaton, tagTokens);
  }

  @Override
  public TokenConstraint start() {
    lock.lock();
    try {
      return new GrammarConstraint(this, allowed(new Place(positions, positions.start())));
    } finally {
      lock.unlock();
    }
  }

  /** The place after a token that is allowed. */
  Found<Here> after(Place place, int token) {
    if (!lock.tryLock()) { // somebody finds a mask
      return Found.begin(() -> search(place, token));
    }
    try {
      Place current = current(place);
      return allowed(new Place(current.positions, step(current.position, token)));
    } finally {
      lock.unlock();
    }
  }

  /** What is allowed in a place among the positions in use: at once, where it is known. */
  private Found<Here> allowed(Place place) {
    TokenMask known = masks.get(place.position);
    return known != null
        ? Found.known(new Here(place, known))
        : Found.begin(() -> search(place, NO_TOKEN));
  }

  private Here search(Place place, int token) {
    lock.lock();
    try {
      Place current = current(place);
      Place next =
          token == NO_TOKEN ? current : new Place(current.positions, step(current.position, token));
      return new Here(next, mask(next.position));
    } finally {
      lock.unlock();
    }
  }

  private TokenMask mask(Position position) {
    TokenMask mask = masks.get(position);
    if (mask == null) {
      mask = find(position);
      masks.put(position, mask);
      maskBytes += mask.bytes();
    }
    return mask;
  }

  private Position step(Position from, int token) {
    for (int tag : tagTokens) {
      if (tag == token) {
        return positions.afterTag(from, token);
      }
    }
    Position at = from;
    for (byte b : vocabulary.bytes(token)) {
      at = positions.next(at, b & 0xFF);
    }
    return at;
  }

  /** The place among the positions in use, which may have been made anew. */
  private Place current(Place place) {
    Positions home = place.positions;
    if (maskBytes + positions.bytes() - adoptedBytes > MAX_BYTES) {
      insides.clear();
      masks.clear();
      maskBytes = 0;
      adoptedBytes = 0;
      positions = new Positions(automaton, tagTokens);
    }
    if (home == positions) {
      return place;
    }
    long before = positions.bytes();
    Place adopted = new Place(positions, positions.adopt(place.position, home));
    adoptedBytes += positions.bytes() - before; // in use, so dropping it would not help
    return adopted;
  }

  private TokenMask find(Position position) {
    BitSet tokens = new BitSet(vocabulary.vocabularySize());
    for (Item item : position.items) {
      Inside inside = inside(item.state());
      tokens.or(inside.tokens);
      Position outside = positions.afterReturn(item.frames());
      for (int node : inside.ends) {
        walk(node, outside, tokens, null);
      }
    }
    return TokenMask.of(tokens);
  }

  private Inside inside(int state) {
    int stateClass = stateClasses[state];
    Inside known = insides.get(stateClass);
    if (known == null) {
      BitSet tokens = new BitSet(vocabulary.vocabularySize());
      List<Integer> ends = new ArrayList<>();
      walk(0, positions.inside(state), tokens, ends);
      for (Nfa.SymbolEdge tag : automaton.state(state).tags) {
        if (tagTokens[tag.what()] >= 0) {
          tokens.set(tagTokens[tag.what()]);
        }
      }
      known = new Inside(tokens, ends);
      insides.put(stateClass, known);
      maskBytes += tokens.size() / 8 + 20L * ends.size();
    }
    return known;
  }

  /**
   * Finds the tokens below a node of the vocabulary that the automaton can read.
   *
   * @param from where it is at the node
   * @param ends takes the nodes at which it left the rule it began in; null where its callers are
   *     known
   */
  private void walk(int node, Position from, BitSet tokens, @Nullable List<Integer> ends) {
    Position[] path = new Position[vocabulary.maxDepth() + 1]; // where it is at each depth
    path[vocabulary.depth(node)] = from;
    int end = vocabulary.end(node);
    for (int at = node + 1; at < end; ) {
      int depth = vocabulary.depth(at);
      Position next = positions.next(path[depth - 1], vocabulary.label(at));
      if (next.isDead()) {
        at = vocabulary.end(at);
        continue;
      }
      vocabulary.addTokens(at, tokens);
      if (next.escaped && ends != null) {
        ends.add(at);
      }
      path[depth] = next;
      at = next.items.isEmpty() ? vocabulary.end(at) : at + 1;
    }
  }
}
