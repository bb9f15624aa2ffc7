"""What a change touches, as git sees it: lines of files, and the mutants themselves."""

import re
import subprocess

from mutation import anchor, data


def git(tree, *arguments):
    """What git says; None if it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, text=True, check=False,
                              errors="replace")
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def base_of(tree):
    """The commit that a change began at: where it left main, or the one before if it is main's; None without git."""
    head = (git(tree, "rev-parse", "HEAD") or "").strip()
    for main in ("main", "origin/main"):
        base = (git(tree, "merge-base", main, "HEAD") or "").strip()
        if base and base != head:
            return base
    return (git(tree, "rev-parse", "--verify", "--quiet", "HEAD~1") or "").strip() or None


def touched_lines(tree, base):
    """{path: numbers of its lines that differ from `base`, with those beside what was taken away}; all lines (None)
    of a file that git does not know yet. Throws data.BadData."""
    said = git(tree, "diff", "--unified=0", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/",
               "--relative", base, "--", ".")
    if said is None:
        raise data.BadData(f"git knows no commit '{base}'")
    touched, path = {}, None
    for line in said.splitlines():
        if line.startswith("+++ "):
            path = line[6:] if line.startswith("+++ b/") else None
        elif (hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)) and path:
            first, count = int(hunk[1]), int(hunk[2] or 1)
            touched.setdefault(path, set()).update(range(first, first + count) if count else (first, first + 1))
    for path in (git(tree, "ls-files", "--others", "--exclude-standard", "--", ".") or "").splitlines():
        touched[path] = None
    return touched


def mutants_at(tree, base):
    """{name: mutant} as they were at a commit; those of a file that cannot be read now are left out."""
    found = {}
    for path in (git(tree, "ls-tree", "-r", "--name-only", base, "--", "tests") or "").splitlines():
        if path.endswith(data.PATTERN[1:]):
            try:
                text = git(tree, "show", f"{base}:./{path}") or ""
                found |= {mutant.name: mutant for mutant in data.parse(text, path)}
            except data.BadData:
                continue
    return found


def touched_mutants(tree, base, mutants, sources):
    """Those that change a line that differs from `base`, and those that differ themselves. Throws data.BadData."""
    lines, before = touched_lines(tree, base), mutants_at(tree, base)
    chosen = []
    for mutant in mutants:
        own = set()
        if mutant.file in lines:
            try:
                own = anchor.lines_of(mutant.edits, sources.text(mutant.file))
            except anchor.DoesNotApply:
                continue
        # Where there was none at all, they came with their format, not with this change.
        is_touched = own and (lines[mutant.file] is None or own & lines[mutant.file])
        if is_touched or before and before.get(mutant.name) != mutant:
            chosen.append(mutant)
    return chosen
