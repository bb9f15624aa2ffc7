package org.elasticsearch.node;

import java.util.List;
import java.util.Map;
import java.util.Set;
import occkit.NodeProcess;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.MockPluginsService;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;
import org.elasticsearch.transport.netty4.Netty4Plugin;

/** One node of Elasticsearch 8 in this process. EngineNode HOME; settings are HOME/config/elasticsearch.yml.
 *
 *  The constructor that takes plugins as classes is gone. What is left is the package's own way to
 *  construct a node from other services, hence the package; the service that takes classes is that of the tests. */
public final class EngineNode extends Node {
  /** Netty, which the distribution loads from its modules folder; there is none here. */
  private static final class ClassPathServices extends NodeServiceProvider {
    @Override
    PluginsService newPluginService(Environment environment, PluginsLoader loader) {
      return new MockPluginsService(environment.settings(), environment, List.of(Netty4Plugin.class));
    }
  }

  private EngineNode(Environment environment) {
    super(
        NodeConstruction.prepareConstruction(
            environment,
            PluginsLoader.createPluginsLoader(Set.of(), Set.of(), Map.of(), false),
            new ClassPathServices(),
            true));
  }

  public static void main(String[] arguments) throws InterruptedException {
    NodeProcess.run(() -> {
      LogConfigurator.configureESLogging();
      Settings home = Settings.builder().put("path.home", arguments[0]).build();
      EngineNode node =
          new EngineNode(InternalSettingsPreparer.prepareEnvironment(home, Map.of(), null, () -> "node"));
      node.start();
      return node;
    });
  }
}
