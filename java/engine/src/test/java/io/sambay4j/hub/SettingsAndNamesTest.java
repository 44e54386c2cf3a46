package io.sambay4j.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the environment says, what a name may be, and what lies in a cache. */
final class SettingsAndNamesTest {
  @TempDir Path home;

  private HubSettings settings(String... variables) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < variables.length; i += 2) {
      environment.put(variables[i], variables[i + 1]);
    }
    return HubSettings.from(environment, home);
  }

  @Test
  void anEmptyEnvironmentMeansTheDefaults() {
    HubSettings settings = settings("HF_TOKEN", " ", "HF_HOME", "");
    assertEquals(URI.create("https://huggingface.co"), settings.endpoint());
    assertEquals(home.resolve(".cache/huggingface/hub"), settings.cache());
    assertNull(settings.token());
    assertFalse(settings.offline());
    assertEquals(Duration.ofSeconds(10), settings.timeout());
  }

  @Test
  void theCacheIsWhereOtherToolsHaveIt() {
    assertEquals(Path.of("/x/huggingface/hub"), settings("XDG_CACHE_HOME", "/x").cache());
    assertEquals(Path.of("/h/hub"), settings("XDG_CACHE_HOME", "/x", "HF_HOME", "/h").cache());
    assertEquals(
        Path.of("/old"), settings("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "/old").cache());
    assertEquals(
        Path.of("/new"), settings("HF_HUB_CACHE", "/new", "HUGGINGFACE_HUB_CACHE", "/old").cache());
    assertEquals(home.resolve("models"), settings("HF_HUB_CACHE", "~/models").cache());
    assertEquals(
        Path.of("/data/7/hub"), settings("HF_HUB_CACHE", "/data/${JOB}/hub", "JOB", "7").cache());
    assertEquals(Path.of("/data/$NO"), settings("HF_HUB_CACHE", "/data/$NO").cache());
  }

  @Test
  void theTokenComesFromTheVariableOrTheFile() throws IOException {
    Path standard = home.resolve(".cache/huggingface/token");
    Files.createDirectories(standard.getParent());
    Files.writeString(standard, "hf_standard\n");
    Path other = Files.writeString(home.resolve("mine"), " hf_other ");
    assertEquals("hf_standard", settings().token());
    assertEquals("hf_other", settings("HF_TOKEN_PATH", other.toString()).token());
    assertEquals("hf_env", settings("HF_TOKEN", "hf_env").token());
    assertEquals("hf_old", settings("HUGGING_FACE_HUB_TOKEN", "hf_old").token());
    assertFalse(settings().toString().contains("hf_"), settings().toString());
  }

  @Test
  void offlineIsTrueAsOtherToolsTakeIt() {
    for (String yes : List.of("1", "true", "YES", "on")) {
      assertTrue(settings("HF_HUB_OFFLINE", yes).offline());
    }
    assertTrue(settings("TRANSFORMERS_OFFLINE", "1").offline());
    assertFalse(settings("HF_HUB_OFFLINE", "0").offline());
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    for (String endpoint :
        List.of("ftp://x", "huggingface.co", "https://user:pw@x", "https://x?y", "http://", ":")) {
      assertThrows(
          IllegalArgumentException.class, () -> settings("HF_ENDPOINT", endpoint), endpoint);
    }
    assertEquals(URI.create("http://x/hub"), settings("HF_ENDPOINT", "http://x/hub//").endpoint());
    for (String seconds : List.of("0", "-1", "ten", "1e3", "99999999999")) {
      IllegalArgumentException failure =
          assertThrows(
              IllegalArgumentException.class, () -> settings("HF_HUB_DOWNLOAD_TIMEOUT", seconds));
      assertTrue(failure.getMessage().contains("expected seconds from 1 to"));
    }
    assertEquals(Duration.ofSeconds(60), settings("HF_HUB_DOWNLOAD_TIMEOUT", "60").timeout());
    IllegalArgumentException token =
        assertThrows(
            IllegalArgumentException.class, () -> settings("HF_TOKEN", "hf_x\r\nX-Evil: 1"));
    assertFalse(token.getMessage().contains("hf_x"), "the token is not shown");
  }

  @Test
  void theProxyIsThatOfTheEnvironment() {
    ProxySelector proxies =
        EnvironmentProxy.of(
            Map.of("https_proxy", "http://proxy:3128", "NO_PROXY", "example.org, .inside"));
    assertEquals(
        List.of(new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved("proxy", 3128))),
        proxies.select(URI.create("https://somewhere/x")));
    for (String direct :
        List.of(
            "https://example.org",
            "https://a.example.org",
            "https://b.inside",
            "https://127.0.0.1")) {
      assertEquals(List.of(Proxy.NO_PROXY), proxies.select(URI.create(direct)), direct);
    }
  }

  @Test
  void aNameHasAnOwnerARevisionAndAFile() {
    assertEquals(
        new ModelName("microsoft", "Phi-4-mini_x.y", "main", null),
        ModelName.parse("microsoft/Phi-4-mini_x.y"));
    ModelName all = ModelName.parse("a/b@refs/pr/1:dir/c-q8_0.gguf");
    assertEquals(new ModelName("a", "b", "refs/pr/1", "dir/c-q8_0.gguf"), all);
    assertEquals("a/b@refs/pr/1:dir/c-q8_0.gguf", all.toString());
    assertEquals("a/b", ModelName.parse("a/b@main").toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "a/",
        "/a",
        "a/b/c",
        "./a",
        "../a",
        "a/..",
        "a/b@",
        "a/b@../x",
        "a/b@x//y",
        "a/b:",
        "a/b:../x.gguf",
        "a/b:x.bin",
        "a/b:/x.gguf",
        "~/a",
        "a/b c",
        "a/.b",
        "a--b/c",
        "a/b..c",
        "a/b.git",
        "a/b@-x",
        "a\\b",
        "a/b\n",
        "a/é"
      })
  void anythingElseIsNoName(String text) {
    assertFalse(ModelName.isOne(text));
    assertThrows(IllegalArgumentException.class, () -> ModelName.parse(text));
  }

  @Test
  void aLongNameIsRefusedAtOnce() {
    assertFalse(ModelName.isOne("a/" + "b".repeat(97)));
    assertFalse(ModelName.isOne("a/b@" + "c/".repeat(1_000_000) + "d"));
  }

  // ---- the cache

  private Path snapshot(String repository, String commit) throws IOException {
    Path snapshot =
        home.resolve("models--" + repository.replace("/", "--"))
            .resolve("snapshots")
            .resolve(commit);
    Files.createDirectories(snapshot);
    return snapshot;
  }

  @Test
  void theListSaysWhatIsComplete() throws IOException {
    ModelCache cache = ModelCache.at(home);
    assertEquals(List.of(), cache.list());
    Path whole = snapshot("a/whole", "1".repeat(40));
    Files.writeString(whole.resolve("config.json"), "{}");
    Files.writeString(whole.resolve("model.safetensors"), "12345678");
    Files.createDirectories(home.resolve("models--a--whole/refs/refs"));
    Files.writeString(home.resolve("models--a--whole/refs/main"), "1".repeat(40));
    Files.writeString(home.resolve("models--a--whole/refs/refs/x"), "1".repeat(40) + "\n");
    Path half = snapshot("a/half", "2".repeat(40));
    Files.writeString(half.resolve("config.json"), "{}");
    Files.writeString(
        half.resolve("model.safetensors.index.json"), "{\"weight_map\":{\"t\":\"s.safetensors\"}}");
    snapshot("a/odd", "not-a-commit");
    Files.createDirectories(home.resolve("datasets--a--b"));
    Files.createDirectories(home.resolve("models--gpt2"));
    assertEquals(
        List.of(
            new CachedModel("a/half", List.of(), "2".repeat(40), 38, false, half),
            new CachedModel("a/whole", List.of("main", "refs/x"), "1".repeat(40), 10, true, whole)),
        cache.list());
    assertEquals(whole, cache.resolve("a/whole"));
    assertTrue(message("a/half@" + "2".repeat(40)).contains("only in part"));
    assertEquals("b/c has not been downloaded; run: sambay pull b/c", message("b/c"));
    assertTrue(message("a/whole@v2").contains("(but its revision main has)"));
  }

  private String message(String name) {
    return assertThrows(HubException.class, () -> ModelCache.at(home).resolve(name)).getMessage();
  }

  @Test
  void aLinkThatLeavesTheRepositoryIsNotFollowed() throws IOException {
    Path outside = Files.writeString(home.resolve("outside.gguf"), "GGUF");
    Path snapshot = snapshot("a/b", "3".repeat(40));
    Files.createSymbolicLink(snapshot.resolve("x.gguf"), outside);
    assertThrows(
        HubException.class,
        () -> ModelCache.at(home).resolve("a/b@%s:x.gguf".formatted("3".repeat(40))));
    Path elsewhere = Files.createDirectories(home.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve("config.json"), "{}");
    Files.writeString(elsewhere.resolve("model.safetensors"), "");
    Files.createSymbolicLink(snapshot.resolveSibling("4".repeat(40)), elsewhere);
    assertThrows(HubException.class, () -> ModelCache.at(home).resolve("a/b@" + "4".repeat(40)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "../../../etc", "not a commit", "1111111111111111111111111111111111111111 x"})
  void aDamagedReferenceNamesNothing(String text) throws IOException {
    snapshot("a/b", "1".repeat(40));
    Files.createDirectories(home.resolve("models--a--b/refs"));
    Files.writeString(home.resolve("models--a--b/refs/main"), text);
    assertTrue(message("a/b").contains("has not been downloaded"), message("a/b"));
  }
}
