"""What was found out before: a file of lines, each a JSON object with the hash of everything that its result follows
from. A run that was stopped goes on from it, and a later run does again only what has changed."""

import dataclasses
import json
import threading


@dataclasses.dataclass
class Verdict:
    status: str  # killed, survived; or exempt, does not compile, does not apply, not tried, which are not kept
    by: str = ""
    after: str = ""
    details: str = ""
    seconds: float = 0.0


class State:
    def __init__(self, path, kept):
        """What is found out goes to `path`; `kept` is what the repository has of runs before."""
        self.path = path
        self.lock = threading.Lock()
        self.known = {}
        for file in (kept, path):
            if not file.exists():
                continue
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                    self.known[entry.pop("key")] = entry
                except (ValueError, KeyError):
                    continue  # the line that was being written when a run was stopped

    def get(self, key):
        with self.lock:
            return self.known.get(key)

    def put(self, key, entry):
        with self.lock:
            self.known[key] = entry
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, **entry}) + "\n")

    def verdict(self, key):
        entry = self.get(key)
        return Verdict(**entry) if entry else None

    def keep(self, path, keys):
        """Writes those verdicts that still hold; `keys` is {mutant: key}. Says how many."""
        kept = {name: self.verdict(key) for name, key in sorted(keys.items())}
        kept = {name: verdict for name, verdict in kept.items() if verdict}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"key": keys[name], **dataclasses.asdict(verdict)}) + "\n"
                                for name, verdict in kept.items()), encoding="utf-8")
        return len(kept)

    def put_verdict(self, key, verdict):
        if verdict.status in ("killed", "survived"):
            self.put(key, dataclasses.asdict(dataclasses.replace(verdict, details="")))
