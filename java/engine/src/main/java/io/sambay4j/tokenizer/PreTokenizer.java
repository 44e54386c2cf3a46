package io.sambay4j.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;

/** Cuts text into the pieces within which byte pair encoding may merge. */
interface PreTokenizer {
  /**
   * The expression of GPT-2 (Radford et al. 2019), which a ByteLevel pre-tokenizer uses by itself.
   */
  String GPT2_PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /** Receives the pieces in order; each is {@code text[start, end)} and not empty. */
  interface Pieces {
    void accept(String text, int start, int end);
  }

  /** Cuts {@code text[start, end)}, which is not empty. */
  void split(String text, int start, int end, Pieces out);

  /**
   * Several pre-tokenizers, each cutting the pieces of the one before it. No step at all leaves the
   * text whole.
   */
  record Sequence(List<PreTokenizer> steps) implements PreTokenizer {
    public Sequence {
      steps = List.copyOf(steps);
    }

    @Override
    public void split(String text, int start, int end, Pieces out) {
      splitFrom(0, text, start, end, out);
    }

    private void splitFrom(int step, String text, int start, int end, Pieces out) {
      if (step == steps.size()) {
        out.accept(text, start, end);
      } else {
        steps.get(step).split(text, start, end, (t, s, e) -> splitFrom(step + 1, t, s, e, out));
      }
    }
  }

  /**
   * A space put before text that does not begin with one, as ByteLevel's {@code add_prefix_space}
   * does.
   */
  record PrefixSpace() implements PreTokenizer {
    @Override
    public void split(String text, int start, int end, Pieces out) {
      if (text.charAt(start) == ' ') {
        out.accept(text, start, end);
      } else {
        out.accept(" " + text.substring(start, end), 0, end - start + 1);
      }
    }
  }

  /** Numeric characters apart from all others, one by one or in runs. */
  record Digits(boolean individual) implements PreTokenizer {
    @Override
    public void split(String text, int start, int end, Pieces out) {
      int from = start;
      boolean inDigits = false;
      for (int i = start; i < end; ) {
        int codePoint = text.codePointAt(i);
        boolean digit = isNumeric(codePoint);
        if (i > from && (digit != inDigits || (digit && individual))) {
          out.accept(text, from, i);
          from = i;
        }
        inDigits = digit;
        i += Character.charCount(codePoint);
      }
      out.accept(text, from, end);
    }

    private static boolean isNumeric(int codePoint) {
      int type = Character.getType(codePoint);
      return type == Character.DECIMAL_DIGIT_NUMBER
          || type == Character.LETTER_NUMBER
          || type == Character.OTHER_NUMBER;
    }
  }

  /** What a {@link Split} does with the matches of its pattern and the text between them. */
  enum Behavior {
    /** The matches are dropped. */
    REMOVED,
    /** Each match is a piece, and so is each text between two. */
    ISOLATED,
    /** A match ends the piece before it. */
    MERGED_WITH_PREVIOUS,
    /** A match begins the piece after it. */
    MERGED_WITH_NEXT,
    /** Neighbouring matches form one piece. */
    CONTIGUOUS
  }

  /**
   * Cuts at the matches of a pattern.
   *
   * @param pattern what to look for
   * @param behavior what becomes of the matches
   * @param invert whether matches and the text between them swap roles
   */
  record Split(SafePattern pattern, Behavior behavior, boolean invert) implements PreTokenizer {
    @Override
    public void split(String text, int start, int end, Pieces out) {
      List<Piece> pieces = find(text, start, end);
      switch (behavior) {
        case REMOVED -> pieces.removeIf(Piece::match);
        case ISOLATED -> {}
        case MERGED_WITH_PREVIOUS -> pieces = mergeWithPrevious(pieces);
        case MERGED_WITH_NEXT -> pieces = mergeWithNext(pieces);
        case CONTIGUOUS -> pieces = mergeContiguous(pieces);
      }
      for (Piece piece : pieces) {
        out.accept(text, piece.start, piece.end);
      }
    }

    private List<Piece> find(String text, int start, int end) {
      List<Piece> pieces = new ArrayList<>();
      Matcher matcher = pattern.matcher(text, start, end);
      int from = start;
      while (matcher.find()) {
        if (matcher.start() > from) {
          pieces.add(new Piece(from, matcher.start(), invert));
        }
        if (matcher.end() > matcher.start()) {
          pieces.add(new Piece(matcher.start(), matcher.end(), !invert));
        }
        from = matcher.end();
      }
      if (from < end) {
        pieces.add(new Piece(from, end, invert));
      }
      return pieces;
    }

    private static List<Piece> mergeWithPrevious(List<Piece> pieces) {
      List<Piece> merged = new ArrayList<>();
      boolean previousMatch = false;
      for (Piece piece : pieces) {
        int last = merged.size() - 1;
        if (piece.match && !previousMatch && last >= 0) {
          merged.set(last, new Piece(merged.get(last).start, piece.end, false));
        } else {
          merged.add(piece);
        }
        previousMatch = piece.match;
      }
      return merged;
    }

    private static List<Piece> mergeWithNext(List<Piece> pieces) {
      List<Piece> merged = new ArrayList<>();
      for (int i = 0; i < pieces.size(); i++) {
        Piece piece = pieces.get(i);
        boolean joins = piece.match && i + 1 < pieces.size() && !pieces.get(i + 1).match;
        if (joins) {
          merged.add(new Piece(piece.start, pieces.get(++i).end, false));
        } else {
          merged.add(piece);
        }
      }
      return merged;
    }

    private static List<Piece> mergeContiguous(List<Piece> pieces) {
      List<Piece> merged = new ArrayList<>();
      for (Piece piece : pieces) {
        int last = merged.size() - 1;
        if (last >= 0 && merged.get(last).match == piece.match) {
          merged.set(last, new Piece(merged.get(last).start, piece.end, piece.match));
        } else {
          merged.add(piece);
        }
      }
      return merged;
    }

    private record Piece(int start, int end, boolean match) {}
  }
}
