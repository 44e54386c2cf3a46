package io.sambay4j.hub;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, which Java does not read; otherwise the
 * one of Java's own settings.
 */
final class EnvironmentProxy extends ProxySelector {
  private final Map<String, String> environment;
  private final ProxySelector otherwise;

  private EnvironmentProxy(Map<String, String> environment, ProxySelector otherwise) {
    this.environment = environment;
    this.otherwise = otherwise;
  }

  static ProxySelector of(Map<String, String> environment) {
    ProxySelector java = ProxySelector.getDefault(); // null where somebody took it away
    return new EnvironmentProxy(environment, java == null ? ProxySelector.of(null) : java);
  }

  @Override
  public List<Proxy> select(URI uri) {
    String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
    String proxy = variable(scheme + "_proxy");
    if (proxy == null || isExcepted(uri.getHost())) {
      return proxy == null ? otherwise.select(uri) : List.of(Proxy.NO_PROXY);
    }
    URI address = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
    if (address.getHost() == null) {
      throw new IllegalArgumentException(
          "%s_proxy names no host, expected http://HOST:PORT".formatted(scheme));
    }
    int port = address.getPort() == -1 ? 80 : address.getPort();
    return List.of(
        new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(address.getHost(), port)));
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException failure) {
    otherwise.connectFailed(uri, address, failure);
  }

  private boolean isExcepted(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    if (name.equals("localhost") || name.startsWith("127.") || name.equals("[::1]")) {
      return true; // as Java itself has it
    }
    String list = variable("no_proxy");
    if (list == null) {
      return false;
    }
    for (String entry : list.toLowerCase(Locale.ROOT).split(",", -1)) {
      String suffix = entry.strip().replaceFirst("^\\*?\\.", "");
      if (suffix.equals("*")
          || name.equals(suffix)
          || (!suffix.isEmpty() && name.endsWith("." + suffix))) {
        return true;
      }
    }
    return false;
  }

  /** In lower case, as curl takes it, or in upper case. */
  private @Nullable String variable(String name) {
    String value = environment.get(name);
    if (value == null || value.isBlank()) {
      value = environment.get(name.toUpperCase(Locale.ROOT));
    }
    return value == null || value.isBlank() ? null : value.strip();
  }
}
