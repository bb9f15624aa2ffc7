"""The Python clients elasticsearch 7 and opensearch-py against a server: client_test.py URL

What many callers at once were told is put together afterwards: no update is lost.
"""

import concurrent.futures
import logging
import sys
import unittest
import urllib.parse
import uuid
import warnings

import elasticsearch
import elasticsearch.helpers
import opensearchpy
import opensearchpy.helpers

CALLERS = 16
HOT_DOCUMENTS = 4
INCREMENTS = 25  # of each caller
BULK_DOCUMENTS = 500
TIMEOUT_S = 120
URL = ""
CONFLICT = "version_conflict_engine_exception"


def token(answer):
    return {"if_seq_no": answer["_seq_no"], "if_primary_term": answer["_primary_term"]}


class Story:
    """What both clients do: their calls have the same names. Each test has indices of its own."""
    module = helpers = client_class = None

    @classmethod
    def setUpClass(cls):
        # A write that the client sent again by itself would be counted twice.
        cls.client = cls.client_class(hosts=[URL], timeout=TIMEOUT_S, max_retries=0, maxsize=CALLERS)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def setUp(self):
        self.index = f"occ-python-{uuid.uuid4().hex}"
        settings = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
        self.assertTrue(self.client.indices.create(index=self.index, body=settings)["acknowledged"])
        self.addCleanup(self.client.indices.delete, index=self.index)

    def refused(self, kind, status, error, call, **arguments):
        with self.assertRaises(getattr(self.module, kind)) as raised:
            call(index=self.index, **arguments)
        self.assertEqual(raised.exception.status_code, status)
        if error:
            self.assertEqual(raised.exception.error, error)
        return raised.exception

    def test_conflicts_are_the_clients_own_errors(self):
        client, index = self.client, self.index
        self.assertTrue(client.indices.exists(index=index))
        self.refused("RequestError", 400, "resource_already_exists_exception", client.indices.create)
        first = client.index(index=index, id="1", body={"n": 1})
        self.assertEqual((first["result"], first["_version"], first["_seq_no"]), ("created", 1, 0))
        read = client.get(index=index, id="1")
        self.assertEqual(read["_source"], {"n": 1})
        second = client.index(index=index, id="1", body={"n": 2}, **token(read))
        self.assertEqual((second["result"], second["_version"], second["_seq_no"]), ("updated", 2, 1))
        stale = self.refused("ConflictError", 409, CONFLICT, client.index, id="1", body={"n": 3}, **token(read))
        self.assertIn("[1]: version conflict, required seqNo [0], primary term [1]. current document has seqNo [1] "
                      "and primary term [1]", stale.info["error"]["reason"])
        self.refused("ConflictError", 409, CONFLICT, client.delete, id="1", **token(read))
        self.refused("ConflictError", 409, CONFLICT, client.update, id="1", body={"doc": {"n": 3}}, **token(read))
        self.refused("ConflictError", 409, CONFLICT, client.create, id="1", body={"n": 3})
        self.refused("RequestError", 400, "action_request_validation_exception", client.index, id="1", body={},
                     if_seq_no=1)
        self.refused("NotFoundError", 404, "document_missing_exception", client.update, id="2", body={"doc": {}})
        self.refused("NotFoundError", 404, None, client.get, id="2")
        self.refused("NotFoundError", 404, None, client.delete, id="2")

        external = {"index": index, "id": "external", "body": {}, "version_type": "external"}
        self.assertEqual(client.index(version=7, **external)["_version"], 7)
        with self.assertRaises(self.module.ConflictError):
            client.index(version=7, **external)

        updated = client.update(index=index, id="1", body={"doc": {"m": 1}}, retry_on_conflict=3, _source=True)
        self.assertEqual(updated["get"]["_source"], {"n": 2, "m": 1})
        noop = client.update(index=index, id="1", body={"doc": {"m": 1}})
        self.assertEqual((noop["result"], noop["_seq_no"]), ("noop", updated["_seq_no"]))
        made = client.update(index=index, id="3", body={"doc": {"m": 1}, "upsert": {"n": 9}})
        self.assertEqual(made["result"], "created")
        self.assertEqual(client.get_source(index=index, id="3"), {"n": 9})
        docs = client.mget(index=index, body={"ids": ["1", "3", "none"]})["docs"]
        self.assertEqual([doc["found"] for doc in docs], [True, True, False])
        self.assertEqual(client.delete(index=index, id="1", **token(noop))["result"], "deleted")
        self.assertFalse(client.exists(index=index, id="1"))

    def test_no_update_is_lost(self):
        client, index = self.client, self.index
        ids = [str(number) for number in range(HOT_DOCUMENTS)]
        for each in ids:
            client.create(index=index, id=each, body={"sold": 0})

        def caller(number):
            conflicts = 0
            for turn in range(INCREMENTS):
                each = ids[(number + turn) % HOT_DOCUMENTS]
                while True:
                    read = client.get(index=index, id=each)
                    source = {**read["_source"], "sold": read["_source"]["sold"] + 1}
                    try:
                        client.index(index=index, id=each, body=source, **token(read))
                        break
                    except self.module.ConflictError:
                        conflicts += 1
                client.update(index=index, id=each, body={"doc": {f"by_{number}": turn}}, retry_on_conflict=100)
            return conflicts

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            conflicts = sum(pool.map(caller, range(CALLERS)))
        read = [client.get(index=index, id=each) for each in ids]
        self.assertEqual(sum(each["_source"]["sold"] for each in read), CALLERS * INCREMENTS)
        self.assertEqual(sum(each["_version"] for each in read), HOT_DOCUMENTS + 2 * CALLERS * INCREMENTS)
        print(f"  {self.module.__name__} {self.module.__versionstr__}: {CALLERS * INCREMENTS} increments of "
              f"{HOT_DOCUMENTS} hot documents by {CALLERS} callers, {conflicts} conflicts caught: sums exact",
              flush=True)

    def test_bulk_helpers(self):
        client, index = self.client, self.index

        def actions(op_type, **fields):
            return ({"_op_type": op_type, "_index": index, "_id": str(number), **fields}
                    for number in range(BULK_DOCUMENTS))
        self.assertEqual(self.helpers.bulk(client, actions("index", n=1), chunk_size=100), (BULK_DOCUMENTS, []))
        with self.assertRaises(self.helpers.BulkIndexError) as raised:
            self.helpers.bulk(client, actions("create", n=2), chunk_size=100)
        self.assertEqual({item["create"]["status"] for item in raised.exception.errors}, {409})
        self.assertEqual({item["create"]["error"]["type"] for item in raised.exception.errors}, {CONFLICT})
        results = list(self.helpers.parallel_bulk(client, actions("update", doc={"m": 1}), thread_count=4,
                                                  chunk_size=50))
        self.assertEqual(len(results), BULK_DOCUMENTS)
        self.assertTrue(all(ok for ok, _ in results))
        # On conditions, half of which hold: those of _seq_no 0 to 499 are over, and the updates had others.
        read = client.mget(index=index, body={"ids": [str(number) for number in range(BULK_DOCUMENTS)]})["docs"]
        conditional = ({"_op_type": "index", "_index": index, "_id": doc["_id"], "n": 3,
                        "if_seq_no": doc["_seq_no"] if at % 2 else at, "if_primary_term": doc["_primary_term"]}
                       for at, doc in enumerate(read))
        results = list(self.helpers.streaming_bulk(client, conditional, raise_on_error=False, chunk_size=100))
        self.assertEqual([ok for ok, _ in results], [at % 2 == 1 for at in range(BULK_DOCUMENTS)])
        self.assertEqual({item["index"]["status"] for ok, item in results if not ok}, {409})
        read = client.mget(index=index, body={"ids": [str(number) for number in range(BULK_DOCUMENTS)]})["docs"]
        self.assertEqual([doc["_version"] for doc in read], [2 + at % 2 for at in range(BULK_DOCUMENTS)])


    def test_helpers_with_sniffing_and_compression(self):
        index = self.index + "-routed"
        client = self.client_class(hosts=[URL], timeout=TIMEOUT_S, max_retries=0, maxsize=CALLERS, sniff_on_start=True,
                                   sniff_on_connection_fail=True, sniffer_timeout=1, http_compress=True)
        self.addCleanup(client.close)
        at = urllib.parse.urlsplit(URL)
        self.assertEqual([each.host for each in client.transport.connection_pool.connections],
                         [f"http://{at.hostname}:{at.port}"])
        client.indices.create(index=index, body={
            "settings": {"number_of_shards": 5, "number_of_replicas": 0},
            "mappings": {"_routing": {"required": True}, "properties": {"n": {"type": "long"}}},
            "aliases": {f"{index}-alias": {"is_write_index": True}}})
        self.addCleanup(client.indices.delete, index=index)

        def actions(**fields):
            return ({"_index": f"{index}-alias", "_id": str(number), "_routing": str(number % 7), **fields}
                    for number in range(BULK_DOCUMENTS))
        self.assertEqual(self.helpers.bulk(client, actions(n=1)), (BULK_DOCUMENTS, []))
        self.assertTrue(all(ok for ok, _ in self.helpers.streaming_bulk(client, actions(n=2), chunk_size=100)))
        self.assertTrue(all(ok for ok, _ in self.helpers.parallel_bulk(client, actions(n=3), thread_count=4,
                                                                       chunk_size=50)))
        found = client.get(index=f"{index}-alias", id="8", routing="1")
        self.assertEqual((found["_index"], found["_routing"], found["_version"], found["_source"]),
                         (index, "1", 3, {"n": 3}))
        with self.assertRaises(self.module.RequestError) as raised:
            client.index(index=index, id="8", body={})
        self.assertEqual(raised.exception.error, "routing_missing_exception")
        client.indices.refresh(index=index)
        self.assertEqual(client.cat.count(index=index, h="count").strip(), str(BULK_DOCUMENTS))
        written = client.indices.stats(index=index, metric="docs,indexing")["_all"]["primaries"]
        self.assertEqual((written["docs"]["count"], written["indexing"]["index_total"]),
                         (BULK_DOCUMENTS, 3 * BULK_DOCUMENTS))
        # Where Elasticsearch's hash puts the seven routings.
        shards = client.cat.shards(index=index, h="docs", s="shard").split()
        self.assertEqual([int(docs) for docs in shards], [142, 71, 0, 215, 72])


class WithElasticsearch(Story, unittest.TestCase):
    module = elasticsearch
    helpers = elasticsearch.helpers
    client_class = elasticsearch.Elasticsearch


class WithOpenSearch(Story, unittest.TestCase):
    module = opensearchpy
    helpers = opensearchpy.helpers
    client_class = opensearchpy.OpenSearch


if __name__ == "__main__":
    URL = sys.argv.pop(1)
    # A status of 409 is logged as a warning, and a body that is called so is said to be an old way.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    unittest.main(warnings="ignore")
