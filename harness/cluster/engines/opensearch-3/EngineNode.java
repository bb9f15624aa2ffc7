package occkit;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessModulePlugin;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.transport.Netty4ModulePlugin;

/** One node of OpenSearch 3 in this process, with scripts. EngineNode HOME; settings are HOME/config/opensearch.yml. */
public final class EngineNode extends Node {
  private EngineNode(String home) {
    super(
        InternalSettingsPreparer.prepareEnvironment(
            Settings.builder().put("path.home", home).build(), Map.of(), null, () -> "node"),
        Stream.of(Netty4ModulePlugin.class, PainlessModulePlugin.class)
            .map(Class::getName)
            .map(name -> new PluginInfo(name, "", "NA", Version.CURRENT, "21", name, null, List.of(), false))
            .collect(Collectors.toList()),
        true);
  }

  public static void main(String[] arguments) throws InterruptedException {
    NodeProcess.run(() -> new EngineNode(arguments[0]).start());
  }
}
