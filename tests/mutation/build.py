"""Private copies of the tree, built with CMake, ninja and ccache: one copy a worker, in it one build folder for each
choice of strategies and sanitizer."""

import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import shlex
import subprocess

from mutation.data import BadData

FOLDERS = ("core", "variants", "harness", "tests")
FILES = ("CMakeLists.txt", "CMakePresets.json")
LEFT_OUT = {"__pycache__", "node_modules", "corpus"}
PRESET = "mutants"
NO_STRATEGY = "none"
STRATEGIES = "variants/strategies.hpp"
# A compiler that is at it for longer never ends.
BUILD_LIMIT_S = 900
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def without_comment_lines(content):
    """What of a file's bytes a verdict may follow from: a comment that is reworded changes none."""
    return re.sub(rb"(?m)^[ \t]*//[^\n]*\n", b"", content)


class CompileError(Exception):
    """What the build said. `asserted`: nothing but static assertions failed."""

    def __init__(self, output):
        errors = re.findall(r"error: (.*)", output)
        super().__init__("\n".join(line for line in output.splitlines() if "error" in line) or output)
        self.asserted = bool(errors) and all(
            text.startswith(("static assertion failed", "non-constant condition for static assertion"))
            for text in errors)


@dataclasses.dataclass(frozen=True)
class Check:
    """One way to run one program: what kills. `strategy` is what it is built with."""
    program: str
    arguments: str
    strategy: str
    sanitize: str

    @property
    def folder(self):
        return re.sub(r"\W+", "_", f"{self.strategy} {self.sanitize}").strip("_").lower()

    def __str__(self):
        return " ".join(part for part in (self.program, self.arguments) if part)


class Sources:
    """The tree's files as they are when a run begins."""

    def __init__(self, tree):
        self.files = {}
        for top in FOLDERS:
            for path in sorted((tree / top).rglob("*")):
                if path.is_file() and not LEFT_OUT & set(path.parts):
                    self.files[str(path.relative_to(tree))] = path.read_bytes()
        for name in FILES:
            if (tree / name).is_file():
                self.files[name] = (tree / name).read_bytes()
        # What CMake reads.
        configuration = hashlib.sha256()
        for name in self.files:
            if name.endswith((".cmake", "CMakeLists.txt", "CMakePresets.json", "registry.hpp")):
                configuration.update(name.encode() + b"\0" + self.files[name] + b"\0")
        self.configuration = configuration.hexdigest()
        self.programs = {pathlib.PurePath(name).stem: name for name in self.files
                         if name.startswith("tests/") and name.endswith(".cpp")}

    def text(self, name):
        return self.files[name].decode("utf-8")

    def is_model(self, program):
        return self.programs.get(program, "").startswith("tests/model/")

    @functools.lru_cache(maxsize=None)
    def asks_for_strategies(self, program):
        """Whether a program's sources, or those of headers that they include, include the list of strategies. Throws
        BadData."""
        if program not in self.programs:
            raise BadData(f"there is no program '{program}': no {program}.cpp below tests/")
        seen, waiting = set(), [self.programs[program]]
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.files:
                continue
            seen.add(name)
            for found in INCLUDE.findall(self.files[name]):
                header = found.decode("utf-8")
                beside = os.path.normpath(os.path.join(os.path.dirname(name), header))
                waiting += [header, header.removesuffix(".hpp") + ".cpp", beside]
        return STRATEGIES in seen

    def check(self, killer, mutant):
        """The check that a killer of a mutant names. Throws BadData."""
        program, _, arguments = killer.strip().partition(" ")
        strategy = NO_STRATEGY
        if self.asks_for_strategies(program):
            if not mutant.strategy:
                raise BadData(f"'{program}' is built with strategies, and neither the mutant nor its file names one")
            strategy = ";".join(re.split(r"\s*,\s*", mutant.strategy))
        return Check(program, arguments.strip(), strategy, mutant.sanitize)


def run(command, folder):
    """(exit status, output) of a command that builds something in a copy. Status 124 if there was no end."""
    # So that ccache knows an object again whichever copy it is built in.
    environment = dict(os.environ, CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1")
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=BUILD_LIMIT_S, check=False, env=environment)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 124, f"error: {command[0]} did not come to an end within {BUILD_LIMIT_S} s"


class Copy:
    """A copy of the tree. Its programs are built in it; a file of it is changed at a time."""

    def __init__(self, sources, folder, compiler, cores):
        self.sources, self.folder, self.compiler, self.cores = sources, folder, compiler, cores
        self.configured = set()
        self.digests = {}
        self.includes = {}
        self.version = subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, check=True).stdout
        self.follow()

    def follow(self):
        """Makes the copy what the tree is; what is the same keeps its time, so that nothing is built again for it."""
        for top in FOLDERS:
            for path in sorted((self.folder / top).rglob("*")):
                if path.is_file() and str(path.relative_to(self.folder)) not in self.sources.files:
                    path.unlink()
        for name in self.sources.files:
            self.restore(name)

    def restore(self, name):
        path, content = self.folder / name, self.sources.files[name]
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def write(self, name, text):
        path, content = self.folder / name, text.encode()
        if path.read_bytes() != content:
            path.write_bytes(content)

    def build_folder(self, check):
        """Configured, if it is not yet. Throws BadData."""
        folder = self.folder / "build" / check.folder
        if check.folder not in self.configured:
            command = ["cmake", "--preset", PRESET, "-B", str(folder), "--log-level=WARNING", "-Wno-dev",
                       f"-DCMAKE_CXX_COMPILER={self.compiler}", f"-DOCCKIT_STRATEGIES={check.strategy}",
                       f"-DOCCKIT_SANITIZE={check.sanitize}"]
            stamp, wanted = folder / "configured", f"{command} {self.sources.configuration}"
            if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
                status, output = run(command, self.folder)
                if status != 0:
                    raise BadData(f"the build with {check.strategy} cannot be configured:\n{output.strip()}")
                stamp.write_text(wanted, encoding="utf-8")
            self.configured.add(check.folder)
        return folder

    def program(self, check):
        """Builds the program of a check; its path. Throws CompileError and BadData."""
        folder = self.build_folder(check)
        status, output = run(["ninja", "-C", str(folder), f"-j{self.cores}", check.program], self.folder)
        if "unknown target" in output:
            raise BadData(f"there is no program '{check.program}' in the build: {output.strip().splitlines()[-1]}")
        if status != 0:
            raise CompileError(output)
        return folder / check.program

    def included(self, name, folders):
        """The files that the text of one includes: as the compiler finds them, in the copy and in what CMake wrote."""
        key = (name, folders)
        if key not in self.includes:
            found = []
            for header in INCLUDE.findall(pathlib.Path(name).read_bytes()):
                for folder in (os.path.dirname(name), *folders):
                    path = os.path.normpath(os.path.join(folder, header.decode("utf-8")))
                    if os.path.isfile(path) and "/generated/" not in path:  # the commit, which is no part of a check
                        found.append(path)
                        break
            self.includes[key] = found
        return self.includes[key]

    def digest(self, check):
        """Of all that a program is built from: the commands, and every file of ours that their compilers read. Asks the
        build, and reads the copy as it is: call it before anything is changed. Throws BadData."""
        key = (check.folder, check.program)
        if key not in self.digests:
            folder = self.build_folder(check)
            status, commands = run(["ninja", "-C", str(folder), "-t", "commands", check.program], self.folder)
            if status != 0:
                raise BadData(f"there is no program '{check.program}' in the build: {commands.strip()}")
            seen, waiting = {}, []
            for line in commands.splitlines():
                words = shlex.split(line)
                if "-c" in words and words[words.index("-c") + 1].endswith(".cpp"):
                    named = tuple(word[2:] for word in words if word.startswith("-I"))
                    waiting.append((os.path.join(folder, words[words.index("-c") + 1]), named))
            while waiting:
                name, folders = waiting.pop()
                if (name, folders) not in seen and name.startswith(str(self.folder)):
                    seen[name, folders] = pathlib.Path(name).read_bytes()
                    waiting += [(each, folders) for each in self.included(name, folders)]
            # Same wherever the copy stands, and whatever ran before.
            digest = hashlib.sha256(self.version + commands.replace(str(self.folder), "").encode())
            for name, content in sorted({name: content for (name, _), content in seen.items()}.items()):
                place = name.removeprefix(str(self.folder)).encode()
                digest.update(place + b"\0" + without_comment_lines(content) + b"\0")
            self.digests[key] = digest.hexdigest()
        return self.digests[key]
