package occkit;

import java.io.Closeable;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

/** The life of a process that is one node: it starts the node, and closes it when the process is told to end. */
public final class NodeProcess {
  private NodeProcess() {}

  /** Returns after the node was closed. A node that cannot start ends the process with status 1 and its stack trace,
   *  whatever threads it has started by then. */
  public static void run(Callable<? extends Closeable> start) throws InterruptedException {
    CountDownLatch closed = new CountDownLatch(1);
    try {
      Closeable node = start.call();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        try {
          node.close();
        } catch (Exception failure) {
          failure.printStackTrace();
        } finally {
          closed.countDown();
        }
      }));
    } catch (Throwable failure) {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
    closed.await();
  }
}
