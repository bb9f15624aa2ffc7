"""Where in a file a mutant changes something: a text, or a part of the statement that carries an edge's name."""

import dataclasses
import re


class DoesNotApply(Exception):
    """The file has no such place, or several; the text says what was looked for."""


def code_of(line):
    """A line without its // comment and the blanks before that."""
    return re.sub(r"\s*//.*", "", line).rstrip()


def is_end_of_statement(line):
    return not line.strip() or line.lstrip().startswith("#") or line.endswith((";", "{", "}", ":"))


def labelled(text, edge):
    """The spans of the statements that carry `edge`: their line ends in a comment that begins with its name, or stands
    under one."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    codes = [code_of(line) for line in lines]
    spans = []
    for number, line in enumerate(lines):
        if not re.search(rf"//\s*{re.escape(edge)}\b", line):
            continue
        if codes[number]:
            first = last = number
            # A statement begins behind the end of another; the semicolons between a for's brackets are no ends.
            depth = codes[number].count(")") - codes[number].count("(")
            while first > 0 and codes[first - 1] and (depth > 0 or not is_end_of_statement(codes[first - 1])):
                first -= 1
                depth += codes[first].count(")") - codes[first].count("(")
        else:
            first = number
            while first < len(lines) and not codes[first]:
                first += 1
            if first == len(lines):
                continue
            last = first
            while last + 1 < len(lines) and not is_end_of_statement(codes[last]):
                last += 1
        begin = starts[first] + len(lines[first]) - len(lines[first].lstrip())
        spans.append((begin, starts[last] + len(codes[last])))
    return list(dict.fromkeys(spans))


def pattern_of(text):
    """A regular expression for `text` in which any blanks and line ends stand for any others. Blanks at its ends are no
    line ends, which may be those of a comment."""
    parts = [part for part in re.split(r"(\s+)", text) if part]
    at_ends = (0, len(parts) - 1)

    def pattern_of_part(number, part):
        if not part.isspace():
            return re.escape(part)
        return r"[ \t]+" if number in at_ends and "\n" not in part else r"\s+"

    return "".join(pattern_of_part(number, part) for number, part in enumerate(parts))


@dataclasses.dataclass(frozen=True)
class Edit:
    """`before` becomes `after`. With an edge, `before` is looked for in the statements that carry its name, and an
    empty one is such a statement as a whole. It must be there once, unless `nth` (1, 2, ...) says which."""
    before: str
    after: str
    nth: int = 0
    edge: str = ""

    def places(self, text):
        """Every span of `text` that this could mean."""
        found = re.compile(pattern_of(self.before))
        if not self.edge:
            return [match.span() for match in found.finditer(text)]
        statements = labelled(text, self.edge)
        if not self.before:
            return statements
        spans = (match.span() for begin, end in statements for match in found.finditer(text, begin, end))
        return list(dict.fromkeys(spans))

    def span(self, text):
        """(begin, end) of what it replaces. Throws DoesNotApply."""
        places = self.places(text)
        if len(places) == 1 and self.nth in (0, 1):
            return places[0]
        if self.nth == 0 or self.nth > len(places):
            raise DoesNotApply(f"{self} is there {len(places)} times, not {self.nth or 'once'}")
        return places[self.nth - 1]

    def __str__(self):
        first = self.before.strip().splitlines()[0] if self.before else "a statement"
        return f"'{first}'" + (f" at the edge {self.edge}" if self.edge else "")


def apply(edits, text):
    """`text` with all edits made, one after the other. Throws DoesNotApply."""
    for edit in edits:
        begin, end = edit.span(text)
        text = text[:begin] + edit.after + text[end:]
    return text


def lines_of(edits, text):
    """The numbers (1, 2, ...) of the lines of `text` that the edits touch. Throws DoesNotApply."""
    touched = set()
    for edit in edits:
        begin, end = edit.span(text)
        touched.update(range(text.count("\n", 0, begin) + 1, text.count("\n", 0, max(begin, end - 1)) + 2))
    return touched
