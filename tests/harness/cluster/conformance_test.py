#!/usr/bin/python3
"""What is tried on `occkit serve`, on real engines: conformance_test.py OCCKIT FOLDER [ENGINE...]

- The conformance scenarios: what one expects is what the engine answers, or conformance_differences.txt beside this
  file says why not.
- The differential test (tests/differential), some of its sequences.
- The clients of tests/harness/http/languages_test.sh, on Elasticsearch 7.

FOLDER keeps the engines' jars, and the clients. Ends with status 77, which counts as skipped, unless OCCKIT_ENGINE=yes
(tests/run.sh --engine).
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Each engine and the scenarios that are its own.
SCENARIOS = {"elasticsearch-7": "conformance", "elasticsearch-6": "conformance-6", "elasticsearch-8": "conformance",
             "opensearch": "conformance"}
DIFFERENTIAL = ROOT / "tests" / "differential" / "differential.py"
LANGUAGES = ROOT / "tests" / "harness" / "http" / "languages_test.sh"
PORT = "19400"


def differences():
    """{(engine, scenario)} that are known, each with a reason."""
    known = {}
    for line in (HERE / "conformance_differences.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            engine, scenario, reason = line.split(maxsplit=2)
            known[engine, scenario] = reason
    return known


def hold_against(occkit, engine, url, known):
    """The number of scenarios that differ and are not known, or that are known and do not differ."""
    wrong = met = of = asked = left_out = 0
    for file in sorted((ROOT / "tests" / "data" / SCENARIOS[engine]).glob("*.txt")):
        if "/_occkit/" in file.read_text(encoding="utf-8"):
            left_out += 1  # it moves the clock
            continue
        ended = subprocess.run([occkit, "replay", str(file), "--url", url, "--quiet"], text=True, check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        asked += 1
        counts = re.search(r"^(\d+) of (\d+) expectations met", ended.stdout, re.MULTILINE)
        if counts:
            met, of = met + int(counts[1]), of + int(counts[2])
        expected = (engine, file.stem) in known
        if (ended.returncode == 0) == expected or ended.returncode > 1:
            wrong += 1
            print(f"{engine} {file.stem}: " + ("no difference any more" if ended.returncode == 0 else ended.stdout))
    here = sum(1 for name, _ in known if name == engine)
    print(f"{engine}: {asked} scenarios, {met} of {of} expectations met, {here} scenarios differ as known, "
          f"{left_out} left out since they move the clock")
    return wrong


def generated(occkit, url):
    """How many of the two kinds of generated sequences differ."""
    wrong = 0
    for options in (["--sequences", "150"], ["--any", "--sequences", "150", "--length", "20"]):
        ended = subprocess.run([sys.executable, DIFFERENTIAL, "--engine", url, "--occkit", occkit, *options],
                               check=False)
        wrong += ended.returncode != 0
    return wrong


def scripts(occkit, url):
    """Whether generated scripts are answered otherwise."""
    return subprocess.run([sys.executable, DIFFERENTIAL.with_name("scripts.py"), "--engine", url, "--occkit", occkit],
                          check=False).returncode != 0


def clients(folder, url):
    """How many clients do not do as they should; one that is not there is none of them."""
    ended = [subprocess.run([LANGUAGES, language, url, os.path.join(folder, "clients-" + language)], check=False)
             for language in ("python", "go")]
    return sum(each.returncode not in (0, 77) for each in ended)


def main():
    if os.environ.get("OCCKIT_ENGINE") != "yes":
        print("Skipped: tests/run.sh --engine runs it. It fetches engines with Maven, once.")
        return 77
    if not shutil.which("java") or not shutil.which("mvn"):
        print("Skipped: harness/install_packages.sh cluster gets Java and Maven.")
        return 77
    occkit, folder, *engines = sys.argv[1:]
    cluster = [ROOT / "harness" / "cluster" / "cluster.sh"]
    known, wrong = differences(), 0
    for engine in engines or SCENARIOS:
        subprocess.run([*cluster, "down", "--folder", folder], check=True)
        try:
            up = subprocess.run([*cluster, "up", "--engine", engine, "--port", PORT, "--heap", "512", "--no-install",
                                 "--folder", folder], text=True, stdout=subprocess.PIPE, check=True)
            url = up.stdout.strip()
            wrong += hold_against(occkit, engine, url, known)
            if engine.startswith("elasticsearch"):
                wrong += generated(occkit, url)
            if engine == "elasticsearch-7":
                wrong += clients(folder, url)
            if engine == "opensearch":
                wrong += scripts(occkit, url)
        finally:
            subprocess.run([*cluster, "down", "--folder", folder], check=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
