"""Sequences of well-formed requests of what the kit has, from a seed.

Each sequence has indices and ids of its own and begins with nothing, so it can be run again by itself. Documents of an
index lie in one shard: the kit hashes ids otherwise than Elasticsearch, and each shard counts its writes.
"""

import random
import urllib.parse

from request import Lines, Request, Seen

INDICES = ("@a", "@b", "@c")
# For requests on indices alone, so it may have several shards.
EMPTY_INDEX = "@s"
IDS = ("1", "2", "3", "x y", "a/b", "\u00e4", "a+b", "A", "-1", "_id", "1.0", "\u65e5", "%", "q?&=#", "l" * 512)
WORDS = ("", "a", "Interstellar", "two words", "\u00e4", "\u65e5", "\"quoted\"", "back\\slash", "new\nline", "tab\t",
         "\U0001f600", "2014", "true", "null", "1.0")
NUMBERS = (0, 1, -1, 2, 42, 2013, 2**31, -2**31 - 1, 2**53, 2**63 - 1, -2**63)
DECIMALS = (0.5, -0.25, 1.0, 2.75, 100.0, 1e-05, 12345.678)
KEYS = ("n", "m", "t", "b", "o", "l", "d", "z", "with space", "\u00e4", "N")
FILTER_PATHS = ("_id", "_source", "_source.n", "_source.o.*", "result,_version", "_seq_no,_primary_term", "items",
                "items.*.status", "items.*._version,errors", "docs._id", "docs._source.n", "**._id", "_shards.*",
                "-_source", "-_shards,-_index", "items.*.error.type", "docs.*.type", "nothing", "*_*", "found",
                "_source,-_source.o", "-items.*._shards", "error", "-error", "*.s*.*.number_of_*", "acknowledged")
SOURCE_PATTERNS = ("n", "o", "o.*", "o.n", "*", "t,b", "*.n", "nothing", "l", "o.o", "l.n", "z*", "n,m,o.t")


class Generator:
    def __init__(self, seed, compat):
        self.seed = seed
        self.compat = compat
        self.random = None
        self.ids = ()

    def sequence(self, number, length):
        """The sequence of that number: the same for the same seed."""
        self.random = random.Random(f"{self.seed}/{number}")
        # Few ids, so that they meet; the first ones more often than strange ones.
        self.ids = tuple(self.random.choice(IDS[:3] if self.chance(0.7) else IDS) for _ in range(3))
        first = [self.create_index("@a")] if self.chance(0.7) else []
        return first + [self.request() for _ in range(length - len(first))]

    # What is random.

    def chance(self, probability):
        return self.random.random() < probability

    def one(self, among):
        return self.random.choice(among)

    def weighted(self, **weights):
        return self.random.choices(list(weights), list(weights.values()))[0]

    def index(self):
        return self.random.choices(INDICES, (12, 3, 1))[0]

    def id(self):
        return self.one(self.ids)

    def value(self, depth=0):
        kind = self.weighted(number=6, word=5, decimal=2, boolean=2, null=1, object=2 if depth < 3 else 0,
                             list=2 if depth < 3 else 0)
        if kind == "number":
            return self.one(NUMBERS)
        if kind == "word":
            return self.one(WORDS)
        if kind == "decimal":
            return self.one(DECIMALS)
        if kind == "boolean":
            return self.chance(0.5)
        if kind == "null":
            return None
        if kind == "object":
            return self.document(depth + 1)
        return [self.value(depth + 1) for _ in range(self.random.randrange(4))]

    def document(self, depth=0):
        return {self.one(KEYS): self.value(depth) for _ in range(self.random.randrange(5))}

    def document_part(self):
        """What an update changes: often what it is already, so that there are noops."""
        if self.chance(0.4):
            return {self.one(("n", "t")): self.one((0, 1, "a"))}
        return self.document()

    # Parts of requests.

    def path(self, index, *rest):
        return "/" + "/".join([index] + [self.segment(each) for each in rest])

    def segment(self, text):
        # A '+' may stand as it is; before 7.4 it is a space then.
        return urllib.parse.quote(text, safe="+" if self.chance(0.3) else "")

    def of_document(self, index, id, what):
        """The path of `_create`, `_update` or `_source`: 6 has the type before it, 7 takes it."""
        if self.compat == 6 or self.compat == 7 and self.chance(0.1):
            return self.path(index, "_doc", id, what)
        return self.path(index, what, id)

    def condition(self, index, id, for_update=False):
        """{parameter: value} of a condition on the document, often one that holds."""
        kinds = {"none": 9, "holds": 5, "stale": 3, "ahead": 1, "other_document": 1, "other_term": 1}
        if not for_update:
            kinds |= {"external": 3, "external_gte": 2}
        if self.compat == 6:
            kinds |= {"internal": 3}
        kind = self.weighted(**kinds)
        if kind == "none":
            return {}
        if kind == "internal":
            return {"version": self.one((Seen(index, id, "version"), 1, 2, 3))}
        if kind in ("external", "external_gte"):
            version = self.one((Seen(index, id, "version", self.one((-1, 0, 0, 1, 1, 2, 7))),
                                self.one((0, 1, 2, 5, 10)), 1700000000000 if self.chance(0.1) else 3))
            return {"version": version, "version_type": "external_gt" if self.chance(0.05) else kind}
        of = self.id() if kind == "other_document" else id
        plus = {"stale": -1, "ahead": 1}.get(kind, 0)
        return {"if_seq_no": Seen(index, of, "seq_no", plus),
                "if_primary_term": Seen(index, of, "term", 1 if kind == "other_term" else 0)}

    def source_choice(self):
        """Query parameters that choose a part of the source."""
        kind = self.weighted(none=6, false=1, true=1, some=2, includes=2, excludes=2, both=1)
        if kind == "none":
            return {}
        if kind in ("false", "true"):
            return {"_source": kind}
        if kind == "some":
            return {"_source": self.one(SOURCE_PATTERNS)}
        chosen = {}
        if kind in ("includes", "both"):
            chosen["_source_includes"] = self.one(SOURCE_PATTERNS)
        if kind in ("excludes", "both"):
            chosen["_source_excludes"] = self.one(SOURCE_PATTERNS)
        return chosen

    def source_choice_in_body(self):
        return self.one((True, False, "n", "o.*", ["n", "t"], [], {"includes": ["o"], "excludes": ["o.n"]},
                         {"excludes": "l"}, {"include": "n"}))

    def general(self):
        """What any request may carry."""
        query = {}
        if self.chance(0.12):
            query["filter_path"] = self.one(FILTER_PATHS)
        if self.chance(0.05):
            query["pretty"] = self.one((None, "true", "false"))
        if self.chance(0.03):
            query["human"] = self.one(("true", "false"))
        if self.chance(0.02):
            query["format"] = "json"
        return query

    def for_writes(self):
        query = {}
        if self.chance(0.1):
            query["refresh"] = self.one((None, "true", "false", "true", "false", "wait_for"))
        if self.chance(0.06):
            # None that is short: an engine may be late, and the kit is not.
            query["timeout"] = self.one(("1m", "30s", "45000ms", "2h"))
        if self.chance(0.05):
            query["wait_for_active_shards"] = self.one(("0", "1"))
        return query

    def alias(self):
        # Since 7.10.
        return {"require_alias": "false"} if self.compat > 6 and self.chance(0.03) else {}

    def query(self, **parts):
        """Parameters in any order."""
        pairs = list({**parts, **self.general()}.items())
        self.random.shuffle(pairs)
        return tuple(pairs)

    # Requests.

    def request(self):
        kind = self.weighted(index_document=22, create_document=7, made_id=2, get=14, head=3, source=4, update=20,
                             delete=9, bulk=10, mget=6, on_indices=8)
        return getattr(self, kind)()

    def index_document(self):
        index, id = self.index(), self.id()
        query = {**self.condition(index, id), **self.for_writes(), **self.alias()}
        if self.chance(0.05):
            query["op_type"] = "index"
        return Request(self.one(("PUT", "PUT", "POST")), self.path(index, "_doc", id), self.query(**query),
                       self.document())

    def create_document(self):
        index, id = self.index(), self.id()
        query = {**self.for_writes(), **self.alias()}
        method = self.one(("PUT", "POST"))
        if self.chance(0.3):
            return Request(method, self.path(index, "_doc", id), self.query(op_type="create", **query), self.document())
        return Request(method, self.of_document(index, id, "_create"), self.query(**query), self.document())

    def made_id(self):
        return Request("POST", self.path(self.index(), "_doc"), self.query(**self.for_writes(), **self.alias()),
                       self.document())

    def reading(self, index, id):
        query = self.source_choice()
        if self.chance(0.1):
            query["realtime"] = "true"
        if self.chance(0.05):
            query["preference"] = self.one(("_local", "abc"))
        if self.chance(0.05):
            query["refresh"] = self.one(("true", "false"))
        return query

    def version_of_read(self, index, id):
        if not self.chance(0.2):
            return {}
        version = {"version": self.one((Seen(index, id, "version"), Seen(index, id, "version", 1), 1, 2))}
        if isinstance(version["version"], Seen) or self.chance(0.4):
            version["version_type"] = self.one(("external", "external_gte"))
        return version

    def get(self):
        index, id = self.index(), self.id()
        return Request("GET", self.path(index, "_doc", id),
                       self.query(**self.reading(index, id), **self.version_of_read(index, id)))

    def head(self):
        index, id = self.index(), self.id()
        path = self.path(index, "_doc", id) if self.chance(0.6) else self.of_document(index, id, "_source")
        return Request("HEAD", path, self.query(**self.reading(index, id)))

    def source(self):
        index, id = self.index(), self.id()
        query = self.reading(index, id)
        if query.get("_source") == "false":
            del query["_source"]
        return Request("GET", self.of_document(index, id, "_source"), self.query(**query))

    def update_body(self, conditional):
        body = {"doc": self.document_part()}
        if not conditional:
            kind = self.weighted(doc=6, upsert=3, doc_as_upsert=3, both=1)
            if kind in ("upsert", "both"):
                body["upsert"] = self.document()
            if kind in ("doc_as_upsert", "both"):
                body["doc_as_upsert"] = True
        if self.chance(0.2):
            body["detect_noop"] = self.chance(0.5)
        if self.chance(0.1):
            body["_source"] = self.source_choice_in_body()
        return body

    def update(self):
        index, id = self.index(), self.id()
        condition = self.condition(index, id, for_update=True)
        query = {**condition, **self.for_writes(), **self.alias(), **(self.source_choice() if self.chance(0.4) else {})}
        body = self.update_body(bool(condition))
        if not condition and self.chance(0.2):
            query["retry_on_conflict"] = self.one((0, 1, 5))
        if "if_seq_no" in condition and self.compat > 6 and self.chance(0.2):
            # They may stand in the body too.
            for name in condition:
                body[name] = query.pop(name)
        return Request("POST", self.of_document(index, id, "_update"), self.query(**query), body)

    def delete(self):
        index, id = self.index(), self.id()
        return Request("DELETE", self.path(index, "_doc", id),
                       self.query(**self.condition(index, id), **self.for_writes()))

    def with_type(self, fields):
        # 6 wants one in every item of a bulk.
        if self.compat == 6 or self.compat == 7 and self.chance(0.1):
            fields["_type"] = "_doc"
        return fields

    def bulk_item(self, default):
        action = self.weighted(index=5, create=2, update=4, delete=2)
        index = default if default and self.chance(0.8) else self.index()
        id = self.id()
        fields = self.with_type({} if index == default and self.chance(0.7) else {"_index": index})
        if action in ("index", "create") and self.chance(0.1):
            if action == "index" and self.chance(0.5):
                fields["op_type"] = self.one(("index", "create"))
            return ({action: fields}, self.document())
        fields["_id"] = id
        if action == "create":
            return ({action: fields}, self.document())
        condition = self.condition(index, id, for_update=action == "update")
        fields |= condition
        if action == "delete":
            return ({action: fields},)
        if action == "index":
            return ({action: fields}, self.document())
        body = self.update_body(bool(condition))
        if not condition and self.chance(0.2):
            fields["retry_on_conflict"] = self.one((0, 1, 3))
        if self.chance(0.1):
            fields["_source"] = self.one((True, False, "n", ["n", "o"]))
        return ({action: fields}, body)

    def bulk(self):
        default = self.index() if self.chance(0.6) else None
        if default and self.compat < 8 and self.chance(0.4 if self.compat == 6 else 0.1):
            path = self.path(default, "_doc", "_bulk")
        else:
            path = self.path(default, "_bulk") if default else "/_bulk"
        query = self.for_writes()
        if self.chance(0.1):
            query |= self.source_choice()
        items = tuple(self.bulk_item(default) for _ in range(self.random.randrange(1, 7)))
        return Request(self.one(("POST", "POST", "PUT")), path, self.query(**query, **self.alias()), Lines(items))

    def mget(self):
        default = self.index() if self.chance(0.6) else None
        if default and self.compat < 8 and self.chance(0.4 if self.compat == 6 else 0.1):
            path = self.path(default, "_doc", "_mget")
        else:
            path = self.path(default, "_mget") if default else "/_mget"
        count = self.random.randrange(1, 5)
        if default and self.chance(0.4):
            body = {"ids": [self.id() for _ in range(count)]}
        else:
            body = {"docs": [self.mget_doc(default) for _ in range(count)]}
        query = self.source_choice() if self.chance(0.4) else {}
        return Request(self.one(("GET", "POST")), path, self.query(**query), body)

    def mget_doc(self, default):
        index, id = default or self.index(), self.id()
        doc = self.with_type({} if index == default and self.chance(0.7) else {"_index": index})
        doc["_id"] = id
        doc |= self.version_of_read(index, id)
        if self.chance(0.2):
            doc["_source"] = self.source_choice_in_body()
        return doc

    # Requests on indices.

    def on_indices(self):
        kind = self.weighted(create_index=4, delete_index=2, index_exists=2, get_index=2, get_settings=3,
                             put_settings=4, refresh=3)
        return getattr(self, kind)()

    def settings(self, dynamic):
        given = {}
        for _ in range(self.random.randrange(1, 4)):
            name, among = self.one((
                ("number_of_replicas", (0, 1, 2, "0")), ("gc_deletes", ("60s", "1h", "90m", "100s")),
                ("refresh_interval", ("50ms", "200ms")), ("max_result_window", (10000, "20000")),
                ("priority", (1, 2)), ("translog.durability", ("request",)), ("codec", ("default", "best_compression")),
                ("routing.allocation.total_shards_per_node", (100,)),
            ))
            if name != "codec" or not dynamic:
                given[name] = self.one(among)
        if not given:
            given = {"priority": 1}
        form = self.one(("short", "dotted", "nested"))
        if form == "short":
            return given
        if form == "dotted":
            return {"index." + name: value for name, value in given.items()}
        return {"index": given}

    def create_index(self, index=None):
        index = index or self.one((EMPTY_INDEX,) + INDICES)
        body = None
        if self.chance(0.6):
            settings = self.settings(dynamic=False)
            if self.chance(0.5):
                settings["index.number_of_shards"] = self.one((1, 2, 3)) if index == EMPTY_INDEX else 1
            body = {"settings": settings}
            if self.chance(0.1):
                body["aliases"] = {}
        query = {}
        if self.chance(0.1):
            query["timeout"] = "30s"
        if self.chance(0.1):
            query["master_timeout"] = "30s"
        if self.chance(0.1):
            # With none, an engine refuses reads until the shard has started.
            query["wait_for_active_shards"] = "1"
        return Request("PUT", "/" + index, self.query(**query), body)

    def some_indices(self):
        return self.one(("@a", "@b", "@s", "@a,@b", "@*", "@a*", "@*,-@a", "@a,@s", "@x*", "@c"))

    def options(self):
        query = {}
        if self.chance(0.2):
            query["ignore_unavailable"] = self.one(("true", "false"))
        if self.chance(0.2):
            query["allow_no_indices"] = self.one(("true", "false"))
        if self.chance(0.1):
            query["expand_wildcards"] = self.one(("open", "all", "closed", "none", "open,closed"))
        return query

    def delete_index(self):
        query = self.options()
        if self.chance(0.1):
            query["timeout"] = "30s"
        indices = self.one(("@b", "@s", "@c", "@b,@c", "@b*", "@x*", "@a"))
        return Request("DELETE", "/" + indices, self.query(**query))

    def index_exists(self):
        return Request("HEAD", "/" + self.some_indices(), self.query(**self.options()))

    def get_index(self):
        query = self.options()
        if self.chance(0.3):
            query["flat_settings"] = self.one(("true", "false"))
        return Request("GET", "/" + self.some_indices(), self.query(**query))

    def get_settings(self):
        query = self.options()
        if self.chance(0.3):
            query["flat_settings"] = self.one(("true", "false"))
        path = "/" + self.some_indices() + "/_settings"
        if self.chance(0.3):
            path += "/" + self.one(("index.number_of_shards", "index.number_of_*", "index.number_of_shards,index.pr*",
                                    "_all", "index.provided_name"))
        return Request("GET", path, self.query(**query))

    def put_settings(self):
        query = self.options()
        body = self.settings(dynamic=True)
        if self.chance(0.1):
            body = {"priority": 5, "max_result_window": 15000}
            query["preserve_existing"] = "true"
        if self.chance(0.2):
            body = {"settings": body}
        return Request("PUT", "/" + self.some_indices() + "/_settings", self.query(**query), body)

    def refresh(self):
        return Request(self.one(("POST", "GET")), "/" + self.some_indices() + "/_refresh", self.query(**self.options()))
