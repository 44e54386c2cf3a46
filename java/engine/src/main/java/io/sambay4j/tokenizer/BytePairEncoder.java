package io.sambay4j.tokenizer;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;
import com.knuddels.jtokkit.api.IntArrayList;
import io.sambay4j.InvalidModelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Byte pair encoding of single pieces of text (Sennrich et al. 2016; on bytes: Radford et al.
 * 2019).
 *
 * <p>The merging itself is jtokkit's. It knows no list of merges but ranks of byte strings: two
 * neighbours are joined if the joined bytes have a rank, lowest rank first. The two are the same
 * exactly if
 *
 * <ul>
 *   <li>only tokens that merging their own bytes alone arrives at are given a rank. Whether a token
 *       can appear inside a longer piece depends on its own bytes only, because merges across its
 *       ends would rule it out; so a token that fails alone never appears, and one that succeeds
 *       always comes from the same last merge, whose place in the list is its rank;
 *   <li>no merge uses a token that only a later merge makes, because jtokkit takes long pieces rank
 *       by rank.
 * </ul>
 *
 * <p>The constructor arranges the first and checks the second. Ids are looked up by rank
 * afterwards, so they need not follow the order of the merges.
 */
final class BytePairEncoder {
  private static final int BYTES = 256;
  private static final int NO_RANK = Integer.MAX_VALUE;

  /** Limits the trial merging of all tokens; the o200k vocabulary needs some ten million. */
  private static final long MAX_TRIAL_STEPS = 1L << 30;

  private final Encoding encoding;
  private final int[] idOfRank;

  /**
   * Entries no merge arrives at, by their bytes as Latin-1; consulted only where merging is to be
   * skipped for them.
   */
  private final @Nullable Map<String, Integer> unmergedEntries;

  /**
   * Prepares a vocabulary.
   *
   * @param where the file, for messages
   * @param vocabulary ids of byte-level entries
   * @param merges the merges in order
   * @param addedIds ids of the added tokens, which no ordinary text may arrive at
   * @param ignoreMerges whether a piece that is an entry as a whole takes its id even if no merges
   *     lead there
   */
  @SuppressWarnings(
      "ArrayAsKeyOfSetOrMap") // jtokkit takes its ranks this way and only walks over them
  BytePairEncoder(
      String where,
      Map<String, Integer> vocabulary,
      MergeList merges,
      Set<Integer> addedIds,
      boolean ignoreMerges) {
    int[] byteIds = new int[BYTES];
    for (int b = 0; b < BYTES; b++) {
      Integer id = vocabulary.get(String.valueOf(ByteAlphabet.character(b)));
      if (id == null) {
        throw new InvalidModelException(
            where
                + ": model.vocab has no entry \""
                + ByteAlphabet.character(b)
                + "\" for the byte "
                + b
                + "; a byte-level vocabulary has all 256");
      }
      byteIds[b] = id;
    }

    idOfRank = new int[BYTES + merges.size()];
    Map<byte[], Integer> ranks = new HashMap<>();
    int largest = vocabulary.values().stream().mapToInt(id -> id).max().orElse(-1);
    int[] rankOfId = new int[largest + 1];
    Arrays.fill(rankOfId, NO_RANK);
    for (int b = 0; b < BYTES; b++) {
      ranks.put(new byte[] {(byte) b}, b);
      rankOfId[byteIds[b]] = b;
      idOfRank[b] = byteIds[b];
    }

    Map<String, Integer> unmerged = new HashMap<>();
    long trialSteps = 0;
    for (Map.Entry<String, Integer> entry : vocabulary.entrySet()) {
      byte[] bytes = ByteAlphabet.bytes(entry.getKey());
      if (bytes == null || bytes.length < 2) {
        continue;
      }
      trialSteps += (long) bytes.length * bytes.length;
      if (trialSteps > MAX_TRIAL_STEPS) {
        throw new InvalidModelException(
            where
                + ": model.vocab has too many long entries, the last one of "
                + bytes.length
                + " bytes");
      }
      int merge = merges.lastMerge(bytes, byteIds, entry.getValue());
      if (merge >= 0) {
        int rank = BYTES + merge;
        ranks.put(bytes, rank);
        rankOfId[entry.getValue()] = rank;
        idOfRank[rank] = entry.getValue();
      } else if (ignoreMerges && !addedIds.contains(entry.getValue())) {
        unmerged.put(new String(bytes, StandardCharsets.ISO_8859_1), entry.getValue());
      }
    }
    checkOrder(where, merges, ranks, rankOfId);
    for (int id : addedIds) {
      if (id <= largest && rankOfId[id] != NO_RANK) {
        throw new InvalidModelException(
            where
                + ": the added token "
                + id
                + " is also what ordinary text is merged into;"
                + " text could not be told from control tokens");
      }
    }

    unmergedEntries = unmerged.isEmpty() ? null : unmerged;
    EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
    String name = "model";
    Pattern wholePiece = Pattern.compile(".+", Pattern.DOTALL);
    registry.registerGptBytePairEncoding(
        new GptBytePairEncodingParams(name, wholePiece, ranks, Map.of()));
    encoding = registry.getEncoding(name).orElseThrow();
  }

  private static void checkOrder(
      String where, MergeList merges, Map<byte[], Integer> ranks, int[] rankOfId) {
    for (int rank : ranks.values()) {
      int merge = rank - BYTES;
      if (merge >= 0
          && (rankOfId[merges.left(merge)] >= rank || rankOfId[merges.right(merge)] >= rank)) {
        throw new InvalidModelException(
            where
                + ": model.merges["
                + merge
                + "] joins a token that only a later merge makes;"
                + " merges are expected in the order in which they were learnt");
      }
    }
  }

  /** Appends the ids of one piece, which has no lone surrogates. */
  void encode(String piece, IntArrayList out) {
    if (unmergedEntries != null) {
      byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
      Integer id = unmergedEntries.get(new String(bytes, StandardCharsets.ISO_8859_1));
      if (id != null) {
        out.add(id);
        return;
      }
    }
    IntArrayList ranks = encoding.encodeOrdinary(piece);
    for (int i = 0; i < ranks.size(); i++) {
      out.add(idOfRank[ranks.get(i)]);
    }
  }
}
