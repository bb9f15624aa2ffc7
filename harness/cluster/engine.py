"""An engine: what it is called, the Java that runs it, and its jars, which Maven fetches once.

Jars and classes lie in FOLDER/engines/ENGINE-VERSION; with them there, nothing here needs the network.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from refusal import Failure, Refusal

try:
    import tomllib
except ImportError:
    sys.exit("cluster.sh: Python 3.11 or newer is missing: harness/install_packages.sh cluster")

HERE = pathlib.Path(__file__).resolve().parent
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
INSTALL = "harness/install_packages.sh cluster"
# Where Debian and others put their JDKs.
JDKS = pathlib.Path("/usr/lib/jvm")
# What Maven prints when no repository answers.
NO_NETWORK = re.compile(
    r"Could not transfer|Unknown host|UnknownHost|Connection refused|timed out|Network is unreachable")


def say(text):
    print(text, file=sys.stderr, flush=True)


def last_lines(text, count=15):
    return "\n".join("  | " + line for line in text.rstrip().splitlines()[-count:])


def java_version(program):
    """The major version of a Java, or None if the program is none."""
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else None


class Engine:
    """One table of engines.toml."""

    def __init__(self, name, folder):
        with open(HERE / "engines.toml", "rb") as file:
            tables = tomllib.load(file)
        if name not in tables:
            raise Refusal(f"--engine {name}: accepted are {', '.join(tables)}")
        table = tables[name]
        self.name = name
        self.product, self.version, self.licence = table["product"], table["version"], table["licence"]
        self.oldest_java, self.main, self.options = table["java"], table["main"], table.get("options", [])
        self.artifacts, self.without = table["artifacts"], table.get("without", [])
        self.major = int(self.version.split(".")[0])
        self.is_opensearch = self.product == "OpenSearch"
        self.place = folder / "engines" / f"{name}-{self.version}"

    def __str__(self):
        return f"{self.product} {self.version}"

    # Java

    def java(self, given=None):
        """The program `java` of a JDK that is new enough: the given one, JAVA_HOME's, that of the path, or the oldest
        in /usr/lib/jvm."""
        if given is not None:
            candidates = [given]
        else:
            candidates = [shutil.which("java")]
            if os.environ.get("JAVA_HOME"):
                candidates.insert(0, os.path.join(os.environ["JAVA_HOME"], "bin", "java"))
            installed = {str(path.resolve()): java_version(path) or 0 for path in sorted(JDKS.glob("*/bin/java"))}
            candidates += sorted(installed, key=installed.get)
        found = []
        for program in filter(None, candidates):
            version = java_version(program)
            if version is not None and version >= self.oldest_java:
                return self.with_compiler(program)
            found.append(f"{program} is " + ("no Java" if version is None else f"Java {version}"))
        if given is not None:
            raise Refusal(f"--java {found[0]}; {self} needs Java {self.oldest_java} or newer")
        if not found:
            raise Refusal(f"there is no Java; {self} needs a JDK {self.oldest_java} or newer: {INSTALL}")
        raise Refusal(f"{self} needs Java {self.oldest_java} or newer, and here {', '.join(dict.fromkeys(found))}. "
                      "Unpack a JDK anywhere and give --java JDK/bin/java, or set JAVA_HOME"
                      + ("" if self.oldest_java > 17 else f"; or {INSTALL}"))

    def with_compiler(self, program):
        real = pathlib.Path(program).resolve()
        if not (real.parent / "javac").exists() and not self.is_there():
            raise Refusal(f"{program} has no javac beside it, so it is no JDK but a Java to run programs with; "
                          f"a JDK is needed: {INSTALL}")
        return str(real)

    # Jars

    def pom(self):
        """Maven's description of what is to be fetched."""
        left_out = "".join(
            f"<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>"
            for group, name in (each.split(":") for each in self.without))
        dependencies = "".join(
            f"\n    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
            + (f"<exclusions>{left_out}</exclusions>" if left_out else "") + "</dependency>"
            for group, name, version in ((each.split(":") + [self.version])[:3] for each in self.artifacts))
        return (f'<project xmlns="http://maven.apache.org/POM/4.0.0">\n  <modelVersion>4.0.0</modelVersion>\n'
                f"  <groupId>occkit</groupId><artifactId>{self.name}</artifactId><version>1</version>\n"
                f"  <dependencies>{dependencies}\n  </dependencies>\n</project>\n")

    def sources(self):
        return [HERE / "engines" / "NodeProcess.java", HERE / "engines" / self.name / "EngineNode.java"]

    def stamp(self):
        """Changes with anything that the jars and classes are made of."""
        parts = [self.pom().encode(), *(path.read_bytes() for path in self.sources())]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def is_there(self):
        try:
            return (self.place / "stamp").read_text() == self.stamp()
        except OSError:
            return False

    def class_path(self):
        return f"{self.place / 'classes'}:{self.place / 'lib'}/*"

    def provide(self, java):
        """Fetches and compiles what is not there yet."""
        if self.is_there():
            return
        say(f"Fetching {self} with Maven, once. It is not a part of this project; its licence: {self.licence}.")
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        (self.place / "pom.xml").write_text(self.pom())
        self.fetch()
        javac = pathlib.Path(java).parent / "javac"
        compiled = subprocess.run(
            [javac, "-cp", str(self.place / "lib" / "*"), "-d", str(self.place / "classes"), *map(str, self.sources())],
            capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            raise Failure(f"{javac} could not compile engines/{self.name}/EngineNode.java:\n"
                          + last_lines(compiled.stdout + compiled.stderr))
        (self.place / "stamp").write_text(self.stamp())

    def fetch(self):
        maven = shutil.which("mvn")
        if maven is None:
            raise Refusal(f"there is no Maven (mvn), which fetches {self}: {INSTALL}")
        log = self.place / "maven.log"
        jars = self.place / "lib"
        # Strict about checksums (-C): what is fetched is what the repository says that it is.
        command = [maven, "-B", "-C", "-f", str(self.place / "pom.xml"), COPY_DEPENDENCIES, f"-DoutputDirectory={jars}"]
        began = told = time.monotonic()
        with open(log, "w", encoding="utf-8") as out:
            running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
            try:
                while running.poll() is None:
                    time.sleep(0.2)
                    if time.monotonic() - told >= 5:
                        told = time.monotonic()
                        got = log.read_text(encoding="utf-8", errors="replace").count("Downloaded from")
                        say(f"  {told - began:.0f} s: {got} files fetched")
            except BaseException:
                running.kill()
                running.wait()
                raise
        if running.returncode != 0:
            text = log.read_text(encoding="utf-8", errors="replace")
            errors = "\n".join(line for line in text.splitlines() if line.startswith("[ERROR]")) or text
            why = ("Maven reached no repository. The network is needed once for each engine; behind a proxy or with a "
                   "mirror, ~/.m2/settings.xml is where Maven is told of it"
                   if NO_NETWORK.search(errors) else "Maven could not fetch the engine")
            raise Failure(f"{why}:\n{last_lines(errors, 6)}")
        size = sum(path.stat().st_size for path in jars.iterdir())
        say(f"  {time.monotonic() - began:.0f} s: {len(list(jars.iterdir()))} jars, {size / 1e6:.0f} MB, in {jars}")
