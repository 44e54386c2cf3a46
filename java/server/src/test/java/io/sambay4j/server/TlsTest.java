package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.TextModel;
import io.sambay4j.server.http.HttpOptions;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** HTTPS with a certificate made here by keytool. */
class TlsTest {
  private static final String PASSWORD = "of-the-tests";

  @TempDir static Path folder;

  private static Path store;
  private static KeyStore keys;

  @BeforeAll
  static void makeCertificate() throws Exception {
    store = folder.resolve("server.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=dns:localhost,ip:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD)
            .redirectErrorStream(true)
            .start();
    String output = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, keytool.waitFor(), output);
    keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
  }

  private static SSLContext trusting() throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("server", keys.getCertificate("server"));
    TrustManagerFactory managers =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }

  private static void check(HttpOptions.Tls tls) throws Exception {
    try (TextModel model = TextModel.open(Served.DIRECTORY);
        Served served = new Served(model, options -> options.tls(tls), null)) {
      HttpClient client = HttpClient.newBuilder().sslContext(trusting()).build();
      URI uri = URI.create("https://localhost:" + served.server.port() + "/v1/chat/completions");
      for (boolean stream : new boolean[] {false, true, false}) {
        HttpResponse<String> answer =
            client.send(
                HttpRequest.newBuilder(uri)
                    .header("Content-Type", "application/json")
                    .POST(
                        HttpRequest.BodyPublishers.ofString(
                            Served.chat("\"stream\":%s,".formatted(stream))))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        assertTrue(answer.body().contains(stream ? "[DONE]" : "Answer: 42"), answer.body());
      }
      try (SSLSocket socket =
          (SSLSocket)
              trusting().getSocketFactory().createSocket("localhost", served.server.port())) {
        socket.getOutputStream().write(Served.wire("/v1/completions", Served.endless(false)));
        Served.await("it runs", () -> served.server.calls().running() == 1);
      }
      Served.await("the client's leaving was seen", () -> served.server.calls().left() == 1);
      served.awaitIdle();
    }
  }

  @Test
  void withAKeyStore() throws Exception {
    check(new HttpOptions.Tls(store, null, PASSWORD));
  }

  @Test
  void withPemFiles() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    Files.writeString(certificate, pem("CERTIFICATE", keys.getCertificate("server").getEncoded()));
    Files.writeString(
        key, pem("PRIVATE KEY", keys.getKey("server", PASSWORD.toCharArray()).getEncoded()));
    check(new HttpOptions.Tls(certificate, key, ""));
  }

  private static String pem(String what, byte[] content) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(content), what);
  }

  @Test
  void badFilesAreRefusedByName() throws Exception {
    Path empty = Files.writeString(folder.resolve("empty.pem"), "nothing");
    Path missing = folder.resolve("missing.pem");
    for (HttpOptions.Tls tls :
        new HttpOptions.Tls[] {
          new HttpOptions.Tls(empty, empty, ""),
          new HttpOptions.Tls(missing, missing, ""),
          new HttpOptions.Tls(store, null, "wrong"),
          new HttpOptions.Tls(empty, null, PASSWORD)
        }) {
      try (TextModel model = TextModel.open(Served.DIRECTORY)) {
        IllegalArgumentException refused =
            assertThrows(
                IllegalArgumentException.class,
                () -> new Served(model, options -> options.tls(tls), null));
        assertTrue(
            String.valueOf(refused.getMessage()).contains(folder.toString()), refused.getMessage());
      }
    }
  }
}
