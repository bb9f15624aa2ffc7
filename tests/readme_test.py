#!/usr/bin/python3
"""What the Markdown pages of the project say of its files and its program, held against them.

- Every block of C++ or CMake is, word for word, a file of tests/consumer, which another test compiles and runs against
  an installation. A block of no language is what a program prints; there are no others.
- Every command names scripts, presets, programs, subcommands and options that exist. page_commands_test runs them.
- Every path in `inline code` is there; every link leads to a file, and to a heading of it.
- No prose line is wider than 100 columns.

Each rule is a function from texts to a list of violations, and each is tried on a text that breaks it.
"""

import json
import pathlib
import re
import shlex
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 100
FOLDERS = ("core", "variants", "harness", "tests", "results")
# Written by programs, each of which has its own lines.
WRITTEN_BY_PROGRAMS = {"tests/mutants.md", "comparison.md"}


def pages():
    """The Markdown pages that people write, by their path from the root."""
    found = list(ROOT.glob("*.md"))
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*.md")
    names = {str(path.relative_to(ROOT)): path for path in sorted(found)}
    return {name: path.read_text(encoding="utf-8") for name, path in names.items()
            if name not in WRITTEN_BY_PROGRAMS and path.name not in WRITTEN_BY_PROGRAMS}


# Blocks of C++ and CMake.

BLOCK = re.compile(r"^```(?:cpp|cmake)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks_of_other_languages(text):
    """The languages of a page's blocks that nothing here tries."""
    return [language for language in re.findall(r"^```(\w*)\n.*?^```$", text, re.MULTILINE | re.DOTALL)
            if language not in ("", "cpp", "cmake", "sh")]


def blocks_without_program(text, programs):
    """The first lines of the C++ and CMake blocks of a page that are none of these programs."""
    return [block.splitlines()[0] if block.strip() else "(empty)"
            for block in BLOCK.findall(text) if block not in programs]


def programs(folder):
    """The texts of the programs that the folder's CMakeLists.txt builds and runs, of the headers that they include,
    and of the CMake files that it includes."""
    listed = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
    run = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.cpp"))
           if re.search(rf"\badd_executable\(\w+ {re.escape(path.name)}\)", listed)
           and re.search(rf"\badd_test\(NAME {path.stem} ", listed)]
    return run + [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.hpp"))
                  if any(f'#include "{path.name}"' in text for text in run)] + [
                      path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.cmake"))
                      if f"\ninclude({path.name})\n" in listed]


# Lines.

def prose_lines(text):
    """(number, line) of what is neither a table row nor in a code block."""
    fenced = in_code = False
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            # Four blanks are code after an empty line or other code, and the rest of a list's item otherwise.
            in_code = line.startswith("    ") and (in_code or not before.strip())
            if not in_code and not line.startswith("|"):
                yield number, line
        before = line


UNBREAKABLE = re.compile(r"(- )?(!?\[[^\]]*\]\([^)\s]*\)|<?https?://\S+>?)[.,;]?")


def wide_lines(text):
    """Prose lines wider than they may be; one that is nothing but a link or an address cannot be broken."""
    return [f"line {number}: {len(line)} columns" for number, line in prose_lines(text)
            if len(line) > WIDTH and not UNBREAKABLE.fullmatch(line.strip())]


# Commands.

def commands(text):
    """The shell commands of a page: of its code blocks those that begin with one of ours, and the same in
    `inline code`."""
    found, fence, in_code, before, unfinished = [], None, False, "", ""
    for line in text.splitlines():
        if line.startswith("```"):
            fence = line[3:].strip() or "text" if fence is None else None
            continue
        if fence is None:
            in_code = line.startswith("    ") and (in_code or not before.strip())
        before = line
        if not (fence == "sh" or fence is None and in_code):
            continue
        whole = unfinished + line.strip()
        if whole.endswith("\\"):
            unfinished = whole[:-1]
            continue
        unfinished = ""
        found.append(whole)
    prose = "\n".join(line for _, line in prose_lines(text)) + "\n" + "\n".join(
        line for line in text.splitlines() if line.startswith("|"))
    found += [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose) if " " in span.strip()]
    return [words for words in map(words_of, found) if words and is_ours(words[0])]


def words_of(command):
    """The words of one command, without prompt, settings of the environment, `taskset -c 0`, comments and where output
    goes."""
    command = re.sub(r"^\$ ", "", command)
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return []
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    if words[:2] == ["taskset", "-c"]:
        words = words[3:]
    return words


def is_ours(word):
    return re.fullmatch(r"(build|harness|tests|results)/[\w./-]+|occkit(_\w+)?|cmake|ctest", word) is not None


class Tree:
    """What there is to name: files, presets, targets, subcommands with their options."""

    def __init__(self, root):
        self.root = root
        self.presets = {preset["name"] for preset in json.loads(self.text("CMakePresets.json"))["configurePresets"]}
        self.targets = set()
        below = [each for folder in FOLDERS for each in (root / folder).rglob("CMakeLists.txt")]
        for path in [root / "CMakeLists.txt"] + below:
            text = path.read_text(encoding="utf-8")
            self.targets |= set(re.findall(r"\b(?:add_executable|occkit_test|OUTPUT_NAME)[( ](\w+)", text))
            self.targets |= {f"fuzz_{name}" for name in re.findall(r"\bocckit_fuzz\((\w+)", text)}
        self.options = {name: self.options_of(name)
                        for name in re.findall(r"\badd_(\w+)\(CLI::App&", self.text("harness/commands/commands.hpp"))}

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def options_of(self, subcommand):
        """Of the subcommand's source, and of those that several share."""
        source = self.text(f"harness/commands/{subcommand}_command.cpp")
        found = set(re.findall(r'"(--[a-z][a-z0-9-]*)"', source))
        if re.search(r"\badd_node_options\(", source):
            found |= set(re.findall(r'"(--[a-z][a-z0-9-]*)"', self.text("harness/commands/node_choice.cpp")))
        if re.search(r"\badd_load_options\(", source):
            found |= set(re.findall(r'"(--[a-z][a-z0-9-]*)"', self.text("harness/commands/load_options.cpp")))
        if re.search(r"\badd_options\(", source):
            options = self.text("harness/commands/options.cpp")
            found |= {f"--{name}" for name in re.findall(r'^ +{"([a-z0-9-]+)",', options, re.MULTILINE)}
        return found | {"--help"}

    def program_options(self, program):
        """The text in which the options of a program beside occkit stand."""
        sources = {"occkit_plain": "harness/micro/plain.cpp", "occkit_latency": "harness/micro/latency.cpp"}
        return self.text(sources[program]) if program in sources else None


def unknown_names(words, tree):
    """What a command names that is not there."""
    program, rest = words[0], words[1:]
    options = [word.split("=")[0] for word in rest if re.match(r"--[a-z]", word)]
    wrong = [word for word in rest
             if re.match(r"(core|variants|harness|tests)/[\w./-]+$", word) and not (tree.root / word).exists()]
    if program in ("cmake", "ctest"):
        for option, value in zip(rest, rest[1:]):
            if option == "--preset" and value not in tree.presets:
                wrong.append(f"preset {value}")
        return wrong
    if program.startswith("build/"):
        parts = program.split("/")
        if len(parts) != 3 or parts[1] not in tree.presets:
            return wrong + [program]
        program = parts[2]
    if "/" not in program:
        if program not in tree.targets:
            return wrong + [f"program {program}"]
        if program == "occkit":
            subcommand = rest[0] if rest else ""
            if subcommand not in tree.options:
                return wrong + [f"occkit {subcommand}"]
            known = tree.options[subcommand]
            return wrong + [f"occkit {subcommand} {option}" for option in options if option not in known]
        known = tree.program_options(program)
    elif not (tree.root / program).is_file():
        return wrong + [program]
    else:
        known = tree.text(program)
    if known is None:
        return wrong
    unknown = [option for option in options if not re.search(rf"{option}\b", known) and option != "--help"]
    return wrong + [f"{program} {option}" for option in unknown]


# Paths and links.

def missing_files(name, text, root):
    """Paths in `inline code` that are there neither from the root nor from the page's folder. A file that a page tells
    its reader to write is one of tests/consumer; results are made by runs; a part in capitals stands for any name."""
    found = []
    for span in re.findall(r"`([^`\n]+)`", text):
        if not re.fullmatch(r"(core|variants|harness|tests)/[\w./-]+", span) or re.search(r"/[A-Z_]+(/|$)", span):
            continue
        places = (root / span, (root / name).parent / span, root / "tests" / "consumer" / pathlib.Path(span).name)
        if not any(place.exists() for place in places):
            found.append(span)
    return found


def headings(text):
    """The anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for _, line in prose_lines(text) if re.match(r"#+ ", line)}


def broken_links(name, text, root):
    found = []
    outside_code = "\n".join(line for _, line in prose_lines(text)) + "\n" + "\n".join(
        line for line in text.splitlines() if line.startswith("|"))
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_code):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (root / name).parent / path
        if path and not file.exists():
            found.append(target)
        elif anchor and anchor not in headings(file.read_text(encoding="utf-8") if path else text):
            found.append(target)
    return found


class TheRealPages(unittest.TestCase):
    def over_pages(self, violations):
        for name, text in pages().items():
            with self.subTest(name):
                self.assertEqual(violations(name, text), [])

    def test_real_pages_have_examples_and_all_are_compiled(self):
        compiled = programs(ROOT / "tests" / "consumer")
        self.assertNotEqual([block for text in pages().values() for block in BLOCK.findall(text)], [])
        self.over_pages(lambda name, text: blocks_without_program(text, compiled))
        self.over_pages(lambda name, text: blocks_of_other_languages(text))

    def test_real_pages_have_no_wide_prose(self):
        self.over_pages(lambda _, text: wide_lines(text))

    def test_real_pages_name_commands_that_exist(self):
        tree = Tree(ROOT)
        found = [words for text in pages().values() for words in commands(text)]
        self.assertGreater(len(found), 40)
        self.over_pages(lambda name, text: [each for words in commands(text) for each in unknown_names(words, tree)])

    def test_real_pages_name_files_that_exist(self):
        self.over_pages(lambda name, text: missing_files(name, text, ROOT))

    def test_real_pages_link_to_what_is_there(self):
        self.over_pages(lambda name, text: broken_links(name, text, ROOT))

    def test_readme_is_read_in_five_minutes(self):
        self.assertLessEqual(len(pages()["README.md"].splitlines()), 150)

    def test_every_subcommand_is_on_the_page_of_the_harness(self):
        page = pages()["harness/README.md"]
        self.assertEqual([name for name in Tree(ROOT).options if f"occkit {name} " not in page], [])


class BrokenPages(unittest.TestCase):
    """One violation each; a rule that misses it would be worth nothing."""

    def test_example_that_differs_by_a_letter_is_found(self):
        page = "text\n```cpp\nint main() {}\n```\nand\n```cpp\nint main() { }\n```\n"
        self.assertEqual(blocks_without_program(page, ["int main() {}\n"]), ["int main() { }"])

    def test_cmake_that_is_included_nowhere_is_found(self):
        self.assertEqual(blocks_without_program("```cmake\nproject(x)\n```\n```cpp\na\n```\n", ["a\n"]), ["project(x)"])

    def test_languages_that_nothing_tries_are_found(self):
        self.assertEqual(blocks_of_other_languages("```\na\n```\n```rust\nb\n```\n```cmake\nc\n```\n"), ["rust"])

    def test_wide_prose_is_found(self):
        wide = "word " * 20 + "x"
        self.assertEqual(len(wide), 101)
        for page in (wide, "- " + wide[2:], "a\n\n- item\n  " + wide[2:], "- item\n    " + wide[4:], "# " + wide[2:],
                     "```\ncode\n```\n" + wide, "see [page](x.md) " + wide[17:]):
            with self.subTest(page[:20]):
                self.assertEqual(len(wide_lines(page)), 1)

    def test_wide_tables_code_and_links_are_not_found(self):
        wide = "x" * 101
        for page in ("| " + wide + " |", "```\n" + wide + "\n```", "a\n\n    code\n    " + wide, f"![{wide}](a.png)",
                     f"https://{wide}", "word " * 19 + "words"):
            with self.subTest(page[:20]):
                self.assertEqual(wide_lines(page), [])

    def test_commands_are_collected(self):
        page = ("Run `occkit list` or `packed_cas`.\n\n"
                "    A=1 build/release/occkit run \\\n      --docs 5 > out  # words\n    $ curl -d x\n\n"
                "```sh\ntests/run.sh --fast\n```\n\n```\nharness/output.sh\n```\n| a | `occkit check x` |\n")
        self.assertEqual(
            commands(page),
            [["build/release/occkit", "run", "--docs", "5", ">", "out"], ["tests/run.sh", "--fast"], ["occkit", "list"],
             ["occkit", "check", "x"]])

    def test_commands_that_do_not_exist_are_found(self):
        tree = Tree(ROOT)
        for command, wrong in {
            "build/release/occkit run --dosc 5": "occkit run --dosc",
            "build/release/occkit verify --docs 5": "occkit verify --docs",
            "build/release/occkit measure": "occkit measure",
            "occkit serve --strategies x": "occkit serve --strategies",
            "build/relaese/occkit list": "build/relaese/occkit",
            "build/release/tests/history_model_test": "build/release/tests/history_model_test",
            "build/release/occkit_mirco": "program occkit_mirco",
            "build/release/occkit_plain --lits": "occkit_plain --lits",
            "harness/walk.sh": "harness/walk.sh",
            "harness/run.sh --fast": "harness/run.sh --fast",
            "tests/run.sh --full": "tests/run.sh --full",
            "build/release/occkit run --config harness/experiments/none.toml": "harness/experiments/none.toml",
            "ctest --preset swift": "preset swift",
        }.items():
            with self.subTest(command):
                self.assertEqual(unknown_names(words_of(command), tree), [wrong])

    def test_commands_that_exist_are_not_found(self):
        tree = Tree(ROOT)
        for command in ("build/release/occkit run --docs=5 --out results/run-x", "occkit replay - --compat 6 --quiet",
                        "occkit list --help", "harness/run.sh --full", "build/fuzz/fuzz_scenario FILE",
                        "tests/run.sh --help",
                        "build/release/occkit_micro --benchmark_filter=get", "cmake --preset release"):
            with self.subTest(command):
                self.assertEqual(unknown_names(words_of(command), tree), [])

    def test_files_that_do_not_exist_are_found(self):
        page = ("`core/none.hpp` `core/model/decide.hpp` `harness/shootout.sh` `variants/mutex_two.hpp` "
                "`tests/fuzz/corpus/TARGET`")
        self.assertEqual(missing_files("page.md", page, ROOT), ["core/none.hpp", "harness/shootout.sh"])

    def test_links_to_nowhere_are_found(self):
        page = ("[a](README.md) [b](README.md#two-commands) [c](core/none.md) [d](README.md#no-commands) "
                "[e](https://x.org/y)\n\n"
                "    [f](code.md)\n\n[g](#here)\n\n## Here\n")
        self.assertEqual(broken_links("page.md", page, ROOT), ["core/none.md", "README.md#no-commands"])


if __name__ == "__main__":
    unittest.main()
