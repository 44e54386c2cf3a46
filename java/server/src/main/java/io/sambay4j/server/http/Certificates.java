package io.sambay4j.server.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.jspecify.annotations.Nullable;

/** Reads certificates and private keys from the files operators have. */
final class Certificates {
  private static final Pattern PRIVATE_KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");
  private static final List<String> ALGORITHMS = List.of("RSA", "EC", "Ed25519");

  private Certificates() {}

  /**
   * What TLS connections are made with.
   *
   * @throws IllegalArgumentException if a file cannot be read or does not hold what it should
   */
  static SslContextFactory.Server read(HttpOptions.Tls tls) {
    SslContextFactory.Server factory = new SslContextFactory.Server();
    Path key = tls.key();
    try {
      if (key == null) {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(tls.certificate())) {
          store.load(in, tls.password().toCharArray());
        }
        factory.setKeyStore(store);
        factory.setKeyStorePassword(tls.password());
        return factory;
      }
      char[] password = UUID.randomUUID().toString().toCharArray(); // of a store in memory alone
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry("server", privateKey(key), password, certificates(tls.certificate()));
      factory.setKeyStore(store);
      factory.setKeyStorePassword(new String(password));
      return factory;
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException("there is no file " + e.getFile(), e);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "%s does not give a certificate and its key: %s"
              .formatted(tls.certificate(), e.getMessage()),
          e);
    }
  }

  private static Certificate[] certificates(Path file)
      throws IOException, GeneralSecurityException {
    byte[] pem = Files.readAllBytes(file);
    Collection<? extends Certificate> chain =
        CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem));
    if (chain.isEmpty()) {
      throw new IllegalArgumentException(file + " holds no certificate in PEM format");
    }
    return chain.toArray(new Certificate[0]);
  }

  private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
    Matcher pem =
        PRIVATE_KEY.matcher(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
    if (!pem.find()) {
      throw new IllegalArgumentException(
          file
              + " holds no unencrypted private key in PKCS #8 format (BEGIN PRIVATE KEY); convert it: openssl pkcs8 -topk8 -nocrypt");
    }
    PKCS8EncodedKeySpec spec =
        new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem.group(1)));
    for (String algorithm : ALGORITHMS) {
      PrivateKey key = privateKey(spec, algorithm);
      if (key != null) {
        return key;
      }
    }
    throw new IllegalArgumentException(
        file + " holds a key of none of these kinds: " + String.join(", ", ALGORITHMS));
  }

  /** The key, or null if it is one of another algorithm. */
  private static @Nullable PrivateKey privateKey(PKCS8EncodedKeySpec spec, String algorithm)
      throws GeneralSecurityException {
    try {
      return KeyFactory.getInstance(algorithm).generatePrivate(spec);
    } catch (InvalidKeySpecException e) {
      return null;
    }
  }
}
