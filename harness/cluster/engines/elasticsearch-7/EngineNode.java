package occkit;

import java.util.List;
import java.util.Map;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.transport.Netty4Plugin;

/** One node of Elasticsearch 7 in this process. EngineNode HOME; settings are HOME/config/elasticsearch.yml. */
public final class EngineNode extends Node {
  private EngineNode(String home) {
    super(
        InternalSettingsPreparer.prepareEnvironment(
            Settings.builder().put("path.home", home).build(), Map.of(), null, () -> "node"),
        List.of(Netty4Plugin.class),
        true);
  }

  public static void main(String[] arguments) throws InterruptedException {
    NodeProcess.run(() -> new EngineNode(arguments[0]).start());
  }
}
