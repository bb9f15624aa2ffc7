#!/usr/bin/python3
"""harness/cluster/cluster.sh without an engine, Java, Maven or network: `java`, `javac` and `mvn` are small scripts.

engine_test.sh does the same with engines.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from unittest import mock

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ROOM = ROOT / "harness" / "cluster"
sys.path.insert(0, str(ROOM))
import cluster as command_line  # noqa: E402
import engine  # noqa: E402
import network  # noqa: E402
import nodes  # noqa: E402
from refusal import Failure, Refusal  # noqa: E402

JAVA = f'''#!/bin/sh
if [ "$1" != -version ]; then exec /usr/bin/python3 -IS {HERE}/fake_java.py "$@"; fi
version=17.0.1
[ ! -e "$FAKE/version" ] || read -r version < "$FAKE/version"
echo "openjdk version \\"$version\\"" >&2
'''
JAVAC = '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" != -d ] || /bin/mkdir -p "$2"; shift; done\n'
MAVEN = '''#!/bin/sh
echo called >> "$FAKE/maven"
if [ -e "$FAKE/offline" ]; then echo "[ERROR] Could not transfer artifact x:y: Unknown host"; exit 1; fi
for argument; do
  case $argument in -DoutputDirectory=*) /bin/mkdir -p "${argument#*=}"; echo jar > "${argument#*=}/a.jar";; esac
done
'''


def free_ports():
    """A port from which on some are free, with those 100 above."""
    for base in range(21000 + os.getpid() % 20000, 65000, 10):
        try:
            for number in [base + each + more for each in range(3) for more in (0, 100)]:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", number))
            return base
        except OSError:
            pass
    raise AssertionError("no free ports")


class FakeEngine(unittest.TestCase):
    """A folder for each test, with programs that are first and last on the path."""

    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.fake, self.folder = self.scratch / "fake", self.scratch / "cluster"
        self.programs = self.scratch / "bin"
        self.fake.mkdir()
        self.programs.mkdir()
        for name in ("bash", "dirname"):
            (self.programs / name).symlink_to(shutil.which(name))
        for name, text in (("java", JAVA), ("javac", JAVAC), ("mvn", MAVEN)):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        self.environment = {"PATH": str(self.programs), "FAKE": str(self.fake)}
        self.enterContext(mock.patch.dict(os.environ, self.environment, clear=True))
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)  # nodes go on after their Popen
        self.port = free_ports()
        self.addCleanup(lambda: nodes.end(self.processes()))

    def cluster(self, *arguments, status=0):
        """What it prints, standard error included."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                ended = command_line.main([*arguments, "--folder", str(self.folder)])
            except SystemExit as refused:
                ended = refused.code
        self.assertEqual(ended, status, said.getvalue())
        return said.getvalue()

    def endless_up(self):
        """An `up` in a process of its own that has started its node and will never be done; as a context."""
        (self.fake / "never_green").write_text("yes")
        running = subprocess.Popen(
            [ROOM / "cluster.sh", "up", "--port", str(self.port), "--heap", "128", "--folder", str(self.folder)],
            env=self.environment, stderr=subprocess.DEVNULL)
        while not self.processes():
            self.assertIsNone(running.poll())
            time.sleep(0.05)
        return running

    def up(self, *arguments, status=0):
        return self.cluster("up", "--port", str(self.port), "--heap", "128", "--no-install", *arguments, status=status)

    def facts(self):
        return json.loads((self.folder / "run" / "cluster.json").read_text())

    def processes(self):
        return nodes.marked_processes(nodes.marker_of(self.folder))


class UpAndDown(FakeEngine):
    def test_up_then_down_leaves_the_jars_and_nothing_else(self):
        said = self.up()
        self.assertIn("Apache License 2.0", said)
        self.assertIn(f"http://127.0.0.1:{self.port}\n", said)
        self.assertEqual(len(self.processes()), 1)
        self.assertRegex(self.cluster("status"),
                         r"OpenSearch 2\.19\.6, 1 nodes, loopback: green\nn1 .* manager  running")
        self.assertIn("Ended 1 processes", self.cluster("down"))
        self.assertEqual(self.processes(), [])
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["engines", "lock"])

    def test_second_up_fetches_nothing(self):
        self.up()
        self.cluster("down")
        (self.fake / "offline").touch()
        self.up()
        self.assertEqual((self.fake / "maven").read_text(), "called\n")

    def test_up_with_other_jars_than_before_fetches_them(self):
        self.up()
        self.cluster("down")
        (self.folder / "engines" / "opensearch-2.19.6" / "stamp").write_text("of another pom")
        self.up()
        self.assertEqual((self.fake / "maven").read_text(), "called\ncalled\n")

    def test_three_nodes_the_chosen_one_is_the_manager(self):
        said = self.up("--nodes", "3", "--manager", "3")
        self.assertIn("Manager: n3", said)
        self.assertIn("without cut and heal: network namespaces need", said)
        self.assertEqual(len(said.splitlines()[-1].split(",")), 3)
        self.assertEqual(len(self.processes()), 3)

    def test_up_while_one_is_up_is_refused_and_leaves_it_alone(self):
        self.up()
        before = self.processes()
        self.assertIn("is up in", self.up(status=2))
        self.assertEqual(self.processes(), before)

    def test_down_without_a_cluster_says_so(self):
        self.assertIn("Nothing of a cluster runs", self.cluster("down"))

    def test_commands_without_a_cluster_are_refused(self):
        for command in (["status"], ["wait"], ["kill", "1"], ["cut", "1"]):
            with self.subTest(command):
                self.assertIn("no cluster is up", self.cluster(*command, status=2))

    def test_settings_reach_the_node(self):
        self.up("--setting", "a.b=c,d=e")
        self.assertIn('a.b: "c,d=e"', (self.folder / "run" / "n1" / "config" / "opensearch.yml").read_text())


class Faults(FakeEngine):
    def test_kill_and_start(self):
        self.up("--nodes", "3")
        self.cluster("kill", "2")
        self.assertEqual(len(self.processes()), 2)
        self.assertRegex(self.cluster("status"), r"n2 .*killed")
        self.assertIn("n2 is not running", self.cluster("kill", "n2", status=2))
        self.cluster("start", "2")
        self.cluster("wait")
        self.assertEqual(len(self.processes()), 3)
        self.assertIn("n2 is running", self.cluster("start", "2", status=2))

    def test_pause_and_resume(self):
        self.up()
        self.cluster("pause", "1")
        self.assertRegex(self.cluster("status"), r"n1 .*paused")
        self.cluster("resume", "all")
        self.assertRegex(self.cluster("status"), r"n1 .*running")
        self.assertIn("n1 is not paused", self.cluster("resume", "1", status=2))
        self.cluster("pause", "1")
        self.assertIn("Ended 1 processes", self.cluster("down"))

    def test_nodes_are_named_by_role(self):
        self.up("--nodes", "3", "--manager", "3")
        self.assertIn("primary is n2", self.cluster("kill", "primary", "--index", "i"))
        self.assertIn("manager is n3", self.cluster("pause", "manager"))
        self.assertIn("replica is n1", self.cluster("kill", "replica", "--index", "i"))

    def test_unknown_nodes_are_refused(self):
        self.up()
        for who, why in ((["2"], "accepted are 1, manager"), (["primary"], "--index INDEX"), (["x"], "is no node"),
                         (["primary", "--index", "j"], "indices: i"),
                         (["primary", "--index", "i", "--shard", "7"], "shard 7 of i has no primary")):
            with self.subTest(who):
                self.assertIn(why, self.cluster("kill", *who, status=2))
        self.assertEqual(len(self.processes()), 1)

    def test_cut_on_loopback_says_what_it_needs(self):
        self.up()
        self.assertIn("up --network namespaces", self.cluster("cut", "1", status=2))
        self.assertEqual(self.facts()["cuts"], {})


class WhatIsNotOurs(FakeEngine):
    def test_process_that_has_a_number_of_ours_is_left_alone(self):
        self.up()
        with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
            facts = self.facts()
            self.cluster("kill", "1")
            facts["nodes"]["1"]["pid"] = stranger.pid
            (self.folder / "run" / "cluster.json").write_text(json.dumps(facts))
            self.assertIn("not running", self.cluster("kill", "1", status=2))
            self.cluster("down")
            self.assertIsNone(stranger.poll())
            stranger.kill()

    def test_folder_of_somebody_else_is_left_alone(self):
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "run" / "thesis.tex").touch()
        self.assertIn("not known whose it is", self.up(status=2))
        self.assertIn("not known whose it is", self.cluster("down", status=2))
        self.assertTrue((self.folder / "run" / "thesis.tex").exists())

    def test_left_over_of_a_killed_up_is_cleaned(self):
        with self.endless_up() as killed:
            killed.kill()
        self.assertEqual(len(self.processes()), 1)
        (self.fake / "never_green").unlink()
        self.assertIn("left behind: 1 processes", self.up())
        self.assertEqual(len(self.processes()), 1)

    def test_left_over_whose_folder_was_removed_is_found(self):
        self.up()
        shutil.rmtree(self.folder)
        self.assertIn("left behind: 1 processes", self.up())

    def test_left_over_of_a_machine_that_was_restarted_is_cleaned(self):
        self.up()
        self.cluster("kill", "1")
        self.assertIn("left behind: 0 processes", self.up())

    def test_up_that_is_interrupted_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), self.endless_up() as interrupted:
                interrupted.send_signal(number)
                self.assertEqual(interrupted.wait(60), 130)
                self.assertEqual(self.processes(), [])
                self.assertFalse((self.folder / "run").exists())


class WhatGoesWrong(FakeEngine):
    def test_engine_that_dies_shows_the_end_of_its_log(self):
        for text, hint in (("a line\nthe last line", "n1 ended. "), ("java.lang.OutOfMemoryError: x", "want of memory"),
                           ("java.net.BindException: y", "port was taken")):
            with self.subTest(hint):
                (self.fake / "dies").write_text(text)
                said = self.up(status=1)
                self.assertIn(hint, said)
                self.assertIn("  | " + text.splitlines()[-1], said)
                self.assertEqual(self.processes(), [])

    def test_engine_that_is_never_green_is_given_up(self):
        (self.fake / "never_green").write_text("yes")
        self.assertRegex(self.up("--timeout", "1", status=1),
                         r"after 1 s 1 of 1 nodes .* which is red; logs: .*log.txt")
        self.assertEqual(self.processes(), [])

    def test_port_that_is_taken_is_named(self):
        for number in (self.port, self.port + 100):
            with self.subTest(number), socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", number))
                other.listen()
                self.assertRegex(self.up(status=2), f"port {number} .* is taken .*--port")
                self.assertFalse((self.folder / "run").exists())

    def test_java_that_is_too_old_is_named(self):
        (self.fake / "version").write_text("1.8.0_292\n")
        with mock.patch.object(engine, "JDKS", self.scratch):
            with self.assertRaisesRegex(Refusal, r"Java 11 or newer, and here \S+/java is Java 8.*install_packages"):
                engine.Engine("opensearch", self.folder).java()
            with self.assertRaisesRegex(Refusal, r"Java 21 or newer.*(?!install_packages)"):
                engine.Engine("opensearch-3", self.folder).java()

    def test_newer_java_elsewhere_is_found(self):
        home = self.scratch / "jdk" / "bin"
        home.mkdir(parents=True)
        (home / "java").write_text("#!/bin/sh\necho 'openjdk version \"25.0.3\"' >&2\n")
        (home / "java").chmod(0o755)
        (home / "javac").touch()
        with mock.patch.object(engine, "JDKS", self.scratch):
            self.assertEqual(engine.Engine("opensearch-3", self.folder).java(), str((home / "java").resolve()))
            os.environ["JAVA_HOME"] = str(home.parent)
            self.assertEqual(engine.Engine("opensearch", self.folder).java(), str((home / "java").resolve()))

    def test_no_java_is_said(self):
        (self.programs / "java").unlink()
        with mock.patch.object(engine, "JDKS", self.scratch):
            with self.assertRaisesRegex(Refusal, "there is no Java.*install_packages.sh cluster"):
                engine.Engine("opensearch", self.folder).java()

    def test_java_without_compiler_is_named(self):
        (self.programs / "javac").unlink()
        self.assertRegex(self.up(status=2), "has no javac beside it")

    def test_given_java_that_is_none_is_refused(self):
        self.assertIn("is no Java", self.up("--java", "/bin/true", status=2))

    def test_no_maven_is_said(self):
        (self.programs / "mvn").unlink()
        self.assertIn("no Maven (mvn)", self.up(status=2))

    def test_maven_without_network_says_so(self):
        (self.fake / "offline").touch()
        said = self.up(status=1)
        self.assertIn("Maven reached no repository", said)
        self.assertIn("Unknown host", said)
        (self.fake / "offline").unlink()
        self.up()

    def test_too_little_memory_is_said_with_numbers(self):
        with mock.patch.object(nodes, "free_memory_mb", lambda: 3203):
            with self.assertRaisesRegex(Refusal, "3 nodes with a heap of 768 MB may take 3204 MB of memory, and 3203"):
                nodes.require_memory(3, 768)
            nodes.require_memory(2, 768)

    def test_bad_arguments_are_refused(self):
        for arguments, why in (
                (["up", "--engine", "solr"], "accepted are opensearch, opensearch-3"), (["up", "--nodes", "2"], "2"),
                (["up", "--manager", "2"], "accepted is a node, 1"), (["up", "--heap", "1"], "from 128 to 65536"),
                (["up", "--port", "80"], "from 1024"), (["up", "--setting", "x"], "NAME=VALUE"), (["kill"], "NODE"),
                (["up", "--network", "vlan"], "vlan"), (["brew"], "brew")):
            with self.subTest(arguments):
                self.assertIn(why, self.cluster(*arguments, status=2))

    def test_one_command_at_a_time(self):
        with self.endless_up() as first, mock.patch.object(command_line, "LOCK_WAIT_S", 0.1):
            self.assertIn("another cluster.sh is at work", self.cluster("status", status=2))
            first.send_signal(signal.SIGTERM)


class Engines(unittest.TestCase):
    def test_every_engine_has_what_it_needs(self):
        with open(ROOM / "engines.toml", "rb") as file:
            names = list(engine.tomllib.load(file))
        for name in names:
            with self.subTest(name):
                each = engine.Engine(name, pathlib.Path("/f"))
                self.assertTrue(all(path.exists() for path in each.sources()))
                self.assertEqual(each.main.rpartition(".")[0],
                                 re.search(r"^package (\S+);", each.sources()[1].read_text(), re.MULTILINE)[1])
                self.assertNotIn("${", each.pom())
                self.assertEqual(each.pom().count("<dependency>"), len(each.artifacts))
        self.assertEqual(sorted(names), sorted(path.name for path in (ROOM / "engines").iterdir() if path.is_dir()))


class Networks(unittest.TestCase):
    def calls(self, act):
        """The entries that are made and removed, as (namespace's node, address's node)."""
        seen = []

        def ip(*arguments, check=True):
            del check
            seen.append((arguments[3], int(arguments[1][-1]), int(arguments[4].split(".")[-1])))
        with mock.patch.object(network, "ip", ip):
            act(network.Namespaces(pathlib.Path("/f"), {"net": 5}))
        return sorted(seen)

    def test_cut_loses_what_it_says(self):
        for direction, lost in (("out", [(1, 2), (1, 3)]), ("in", [(2, 1), (3, 1)]),
                                ("both", [(1, 2), (1, 3), (2, 1), (3, 1)])):
            with self.subTest(direction):
                self.assertEqual(self.calls(lambda made, way=direction: made.cut(1, [2, 3], way)),
                                 [("replace", *each) for each in lost])
        self.assertEqual(self.calls(lambda made: made.heal(1, [2], "both")), [("del", 1, 2), ("del", 2, 1)])

    def test_names_fit_and_differ_by_folder(self):
        tags = {network.tag_of(pathlib.Path(folder)) for folder in ("/a", "/b")}
        self.assertEqual(len(tags), 2)
        self.assertLess(len(f"ot-{tags.pop()}-3"), 16)  # an interface's name has 15 bytes at most

    @unittest.skipIf(network.why_no_namespaces(), network.why_no_namespaces())
    def test_namespaces_of_the_kernel_are_cut_and_healed(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        tag = network.tag_of(folder)
        made = network.Namespaces(folder, network.Namespaces.plan(folder, [1, 2, 3], 0))
        self.addCleanup(network.remove_left, tag)
        made.make([1, 2, 3])
        with contextlib.ExitStack() as servers:
            listen = "import socket, time\ns = socket.create_server(('', 9300))\nprint(flush=True)\ntime.sleep(600)"
            for node in (1, 2, 3):
                server = subprocess.Popen([*made.command(node), "/usr/bin/python3", "-c", listen],
                                          stdout=subprocess.PIPE)
                servers.callback(server.wait)
                servers.callback(server.kill)
                server.stdout.readline()
                servers.callback(server.stdout.close)

            def reaches(source, target):
                connect = ("import socket, sys\ns = socket.socket()\ns.settimeout(0.3)\n"
                           f"sys.exit(s.connect_ex(('{made.transport_host(target)}', 9300)) != 0)")
                command = [*made.command(source), "/usr/bin/python3", "-c", connect]
                return subprocess.run(command, check=False).returncode == 0

            self.assertTrue(reaches(1, 2) and reaches(3, 1))
            made.cut(1, [2], "both")
            self.assertFalse(reaches(1, 2) or reaches(2, 1))
            self.assertTrue(reaches(1, 3) and reaches(3, 2))
            with socket.create_connection((made.http_host(1), 9300), timeout=5):
                pass  # its clients still reach it
            made.heal(1, [2, 3], "both")
            self.assertTrue(reaches(1, 2) and reaches(2, 1))
        self.assertGreater(network.remove_left(tag), 0)
        self.assertEqual(network.left(tag), ([], []))

    def test_failure_of_ip_is_said(self):
        with mock.patch.object(subprocess, "run",
                               lambda *_, **__: subprocess.CompletedProcess([], 1, "", "RTNETLINK: no\n")):
            with self.assertRaisesRegex(Failure, "ip link add x: RTNETLINK: no"):
                network.ip("link", "add", "x")


if __name__ == "__main__":
    unittest.main()
