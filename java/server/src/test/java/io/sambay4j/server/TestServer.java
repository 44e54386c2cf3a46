package io.sambay4j.server;

import io.sambay4j.TextModel;
import io.sambay4j.server.http.HttpOptions;
import io.sambay4j.server.openai.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * The model in the box behind three servers on free ports: one for everybody, one that asks for a
 * key, one that says what it is asked to.
 */
final class TestServer implements AutoCloseable {
  static final String MODEL = "tiny-reasoner";
  static final String ALIAS = "reasoner";
  static final String API_KEY = "key-of-the-tests";

  private static final long PREFIX_CACHE = 64L << 20;
  private static final Path DIRECTORY =
      Path.of(System.getProperty("sambay.root"), "models", "tiny-reasoner");

  private final TextModel model;
  private final SambayServer open;
  private final SambayServer keyed;
  private final SambayServer scripted;

  TestServer() {
    model = TextModel.builder(DIRECTORY).sequences(8).prefixCacheBytes(PREFIX_CACHE).open();
    List<ServedModel> models =
        List.of(new ServedModel(MODEL, List.of(ALIAS), model, Instant.now()));
    // a chunk for each token: this model is so fast that its short answers would be two or three
    HttpOptions manyChunks = HttpOptions.builder().port(0).eventInterval(Duration.ZERO).build();
    open = SambayServer.start(manyChunks, models);
    keyed =
        SambayServer.start(HttpOptions.builder().port(0).apiKeys(List.of(API_KEY)).build(), models);
    scripted = Served.scripted(model, Duration.ofMillis(20));
  }

  /** Address of the server for everybody, without a slash at the end. */
  String address() {
    return "http://127.0.0.1:" + open.port();
  }

  /** Address of the server that asks for {@link #API_KEY}. */
  String keyedAddress() {
    return "http://127.0.0.1:" + keyed.port();
  }

  /** Address of the server whose models say what they are asked to. */
  String scriptedAddress() {
    return "http://127.0.0.1:" + scripted.port();
  }

  /** Generations under way at the server for everybody. */
  int running() {
    return open.calls().running();
  }

  @Override
  public void close() {
    open.close();
    keyed.close();
    scripted.close();
    model.close();
  }
}
