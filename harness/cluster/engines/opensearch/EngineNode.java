package occkit;

import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

/** One node of OpenSearch 2 in this process, with scripts. EngineNode HOME; settings are HOME/config/opensearch.yml. */
public final class EngineNode extends Node {
  private EngineNode(String home) {
    super(
        InternalSettingsPreparer.prepareEnvironment(
            Settings.builder().put("path.home", home).build(), Map.of(), null, () -> "node"),
        List.of(Netty4Plugin.class, PainlessPlugin.class),
        true);
  }

  public static void main(String[] arguments) throws InterruptedException {
    NodeProcess.run(() -> new EngineNode(arguments[0]).start());
  }
}
