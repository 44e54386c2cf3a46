package io.sambay4j.model;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decode steps as recorded graphs, on devices where starting 165 operations one by one would take
 * as long as running them. There is one graph for each number of rows that has been used twice:
 * powers of two up to 8, then multiples of 8. Rows without a sequence work on a slot and a block
 * that nobody holds; where these have run out, a graph of exactly the rows there are is made.
 */
final class DecodeGraphs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DecodeGraphs.class);

  /** Graphs kept; the one that was used longest ago goes first. */
  private static final int MOST_GRAPHS = 16;

  private final SambayModel model;
  private final int mostRows;
  private final Map<Integer, DecodeGraph> graphs = new LinkedHashMap<>(16, 0.75f, true);
  private boolean recording;

  /**
   * @param mostRows rows of logits that the workspace holds at once
   */
  DecodeGraphs(SambayModel model, int mostRows) {
    this.model = model;
    this.mostRows = mostRows;
    this.recording = model.backend().recordsGraphs();
  }

  /** Whether the step is one for a graph: one token of each sequence, all of them wanted. */
  boolean take(List<Chunk> chunks) {
    return recording
        && chunks.size() <= mostRows
        && chunks.stream().allMatch(chunk -> chunk.ids().length == 1 && chunk.wantedRows() == 1);
  }

  /** Runs a step that {@link #take} took. */
  void run(List<Chunk> chunks, SambayModel.LogitsSink sink) {
    DecodeGraph graph = graph(rows(chunks.size()), tableCols(chunks));
    graph.fill(chunks);
    try {
      graph.run();
    } catch (DecodeGraph.NotRecorded e) {
      LOG.warn("decode steps run without graphs from now on: {}", e.getMessage());
      recording = false;
      close();
      graph.runOnce();
    }
    graph.handOut(chunks, sink);
  }

  /** Rows of the graph for so many sequences. */
  private int rows(int sequences) {
    int rows =
        sequences <= 8
            ? Math.max(1, Integer.highestOneBit(2 * sequences - 1))
            : (sequences + 7) / 8 * 8;
    return rows <= mostRows && model.states().hasScratch(rows - sequences) ? rows : sequences;
  }

  /** Columns of the block table: a power of two, so that a growing sequence seldom needs more. */
  private static int tableCols(List<Chunk> chunks) {
    int longest = 1;
    for (Chunk chunk : chunks) {
      longest = Math.max(longest, chunk.sequence().blocks.size());
    }
    return Math.max(4, Integer.highestOneBit(2 * longest - 1));
  }

  private DecodeGraph graph(int rows, int tableCols) {
    DecodeGraph graph = graphs.get(rows);
    if (graph != null && graph.tableCols() < tableCols) {
      graphs.remove(rows).close();
      graph = null;
    }
    if (graph == null) {
      graph = new DecodeGraph(model, rows, tableCols);
      graphs.put(rows, graph);
      if (graphs.size() > MOST_GRAPHS) {
        Iterator<DecodeGraph> oldest = graphs.values().iterator();
        oldest.next().close();
        oldest.remove();
      }
    }
    return graph;
  }

  @Override
  public void close() {
    graphs.values().forEach(DecodeGraph::close);
    graphs.clear();
  }
}
