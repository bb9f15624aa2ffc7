package occkit;

import java.util.List;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.transport.Netty4Plugin;

/** One node of Elasticsearch 6 in this process. EngineNode HOME; settings are HOME/config/elasticsearch.yml. */
public final class EngineNode extends Node {
  private EngineNode(String home) {
    super(
        InternalSettingsPreparer.prepareEnvironment(Settings.builder().put("path.home", home).build(), null),
        List.of(Netty4Plugin.class),
        true);
  }

  /** The name of a node without one, for logs. Nodes here have names. */
  @Override
  protected void registerDerivedNodeNameWithLogger(String name) {}

  public static void main(String[] arguments) throws InterruptedException {
    NodeProcess.run(() -> new EngineNode(arguments[0]).start());
  }
}
