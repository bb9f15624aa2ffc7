// The Go client of Elasticsearch 7 against a server: client_test URL
//
// What many callers at once were told is put together afterwards: no update is lost.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elastic/go-elasticsearch/v7"
	"github.com/elastic/go-elasticsearch/v7/esapi"
	"github.com/elastic/go-elasticsearch/v7/esutil"
)

const (
	callers       = 16
	hotDocuments  = 4
	increments    = 25 // of each caller
	bulkDocuments = 500
	deadline      = 300 * time.Second // far beyond any slowness: what hangs has failed
	conflict      = "version_conflict_engine_exception"
)

// answer is what is looked at of any answer.
type answer struct {
	Status      int
	Version     int      `json:"_version"`
	SeqNo       int      `json:"_seq_no"`
	PrimaryTerm int      `json:"_primary_term"`
	Result      string   `json:"result"`
	Found       bool     `json:"found"`
	Source      document `json:"_source"`
	Error       struct{ Type, Reason string }
}

// refused is a refusal by the server.
type refused struct{ answer }

func (r *refused) Error() string {
	return fmt.Sprintf("%d %s: %s", r.Status, r.answer.Error.Type, r.answer.Error.Reason)
}

func isConflict(err error) bool {
	r, ok := err.(*refused)
	return ok && r.Status == http.StatusConflict && r.answer.Error.Type == conflict
}

func read(response *esapi.Response, err error) (answer, error) {
	var got answer
	if err != nil {
		return got, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return got, err
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &got); err != nil {
			return got, fmt.Errorf("%s: %w", body, err)
		}
	}
	got.Status = response.StatusCode
	if response.IsError() {
		return got, &refused{got}
	}
	return got, nil
}

func text(value interface{}) *bytes.Reader {
	body, err := json.Marshal(value)
	must(err)
	return bytes.NewReader(body)
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "client_test: "+format+"\n", arguments...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func done(got answer, err error) answer {
	must(err)
	return got
}

func expect(what string, got, wanted interface{}) {
	if got != wanted {
		fail("%s: expected %v, got %v", what, wanted, got)
	}
}

// expectRefused ends the program unless the call was refused with that status and type.
func expectRefused(what string, status int, kind string, err error) *refused {
	r, ok := err.(*refused)
	if !ok || r.Status != status || r.answer.Error.Type != kind {
		fail("%s: expected %d %s, got %v", what, status, kind, err)
	}
	return r
}

type document map[string]interface{}

type story struct {
	client *elasticsearch.Client
	index  string
}

func (s *story) get(id string) (answer, error) { return read(s.client.Get(s.index, id)) }
func (s *story) put(id string, source document, o ...func(*esapi.IndexRequest)) (answer, error) {
	return read(s.client.Index(s.index, text(source), append(o, s.client.Index.WithDocumentID(id))...))
}
func (s *story) putIf(id string, source document, seen answer) (answer, error) {
	return s.put(id, source, s.client.Index.WithIfSeqNo(seen.SeqNo), s.client.Index.WithIfPrimaryTerm(seen.PrimaryTerm))
}
func (s *story) update(id string, body document, o ...func(*esapi.UpdateRequest)) (answer, error) {
	return read(s.client.Update(s.index, id, text(body), o...))
}

func (s *story) conflicts() {
	api := s.client
	first := done(s.put("1", document{"n": 1}))
	expect("index", [2]int{first.Status, first.Version}, [2]int{201, 1})
	seen := done(s.get("1"))
	second := done(s.putIf("1", document{"n": 2}, seen))
	expect("index on condition", [3]int{second.Status, second.Version, second.SeqNo}, [3]int{200, 2, 1})
	_, err := s.putIf("1", document{"n": 3}, seen)
	stale := expectRefused("stale index", 409, conflict, err)
	if !strings.Contains(stale.answer.Error.Reason, "current document has seqNo [1] and primary term [1]") {
		fail("stale index: %v", stale)
	}
	_, err = read(api.Delete(s.index, "1", api.Delete.WithIfSeqNo(seen.SeqNo),
		api.Delete.WithIfPrimaryTerm(seen.PrimaryTerm)))
	expectRefused("stale delete", 409, conflict, err)
	_, err = s.update("1", document{"doc": document{"n": 3}}, api.Update.WithIfSeqNo(seen.SeqNo),
		api.Update.WithIfPrimaryTerm(seen.PrimaryTerm))
	expectRefused("stale update", 409, conflict, err)
	_, err = read(api.Create(s.index, "1", text(document{})))
	expectRefused("create", 409, conflict, err)
	_, err = s.put("1", document{}, api.Index.WithIfSeqNo(1))
	expectRefused("half a condition", 400, "action_request_validation_exception", err)
	_, err = s.update("2", document{"doc": document{}})
	expectRefused("update of nothing", 404, "document_missing_exception", err)
	_, err = s.get("2")
	expectRefused("get of nothing", 404, "", err)

	external := []func(*esapi.IndexRequest){api.Index.WithVersion(7), api.Index.WithVersionType("external")}
	expect("external version", done(s.put("external", document{}, external...)).Version, 7)
	_, err = s.put("external", document{}, external...)
	expectRefused("external version again", 409, conflict, err)

	updated := done(s.update("1", document{"doc": document{"m": 1}}, api.Update.WithRetryOnConflict(3)))
	noop := done(s.update("1", document{"doc": document{"m": 1}}))
	expect("noop", noop.Result, "noop")
	expect("number of a noop", noop.SeqNo, updated.SeqNo)
	expect("upsert", done(s.update("3", document{"doc": document{"m": 1}, "upsert": document{"n": 9}})).Result, "created")
	gone := done(read(api.Delete(s.index, "1", api.Delete.WithIfSeqNo(noop.SeqNo),
		api.Delete.WithIfPrimaryTerm(noop.PrimaryTerm))))
	expect("delete", gone.Result, "deleted")
	exists, err := api.Exists(s.index, "1")
	must(err)
	exists.Body.Close()
	expect("exists", exists.StatusCode, 404)
}

func (s *story) hotDocuments() {
	ids := make([]string, hotDocuments)
	for i := range ids {
		ids[i] = "hot-" + strconv.Itoa(i)
		done(s.put(ids[i], document{"sold": 0}))
	}
	var caught int64
	var all sync.WaitGroup
	for number := 0; number < callers; number++ {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			for turn := 0; turn < increments; turn++ {
				id := ids[(number+turn)%hotDocuments]
				for {
					seen := done(s.get(id))
					seen.Source["sold"] = seen.Source["sold"].(float64) + 1
					_, err := s.putIf(id, seen.Source, seen)
					if err == nil {
						break
					}
					if !isConflict(err) {
						fail("%v", err)
					}
					atomic.AddInt64(&caught, 1)
				}
				mine := document{"doc": document{"by_" + strconv.Itoa(number): turn}}
				done(s.update(id, mine, s.client.Update.WithRetryOnConflict(100)))
			}
		}(number)
	}
	all.Wait()
	sum, versions := 0, 0
	for _, id := range ids {
		seen := done(s.get(id))
		sum += int(seen.Source["sold"].(float64))
		versions += seen.Version
	}
	expect("sum", sum, callers*increments)
	expect("versions", versions, hotDocuments+2*callers*increments)
	fmt.Printf("  go-elasticsearch %s: %d increments of %d hot documents by %d callers, %d conflicts caught: sums exact\n",
		elasticsearch.Version, sum, hotDocuments, callers, caught)
}

// bulk sends one action on each of many documents by the bulk indexer; how many succeeded, and the statuses of the
// others with the types of their errors.
func (s *story) bulk(action string, body document) (uint64, map[string]int) {
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{
		Client: s.client, Index: s.index, NumWorkers: 4, FlushBytes: 4096,
		OnError: func(_ context.Context, err error) { fail("%v", err) },
	})
	must(err)
	failed := map[string]int{}
	var lock sync.Mutex
	for i := 0; i < bulkDocuments; i++ {
		must(indexer.Add(context.Background(), esutil.BulkIndexerItem{
			Action: action, DocumentID: "bulk-" + strconv.Itoa(i), Body: text(body),
			OnFailure: func(_ context.Context, _ esutil.BulkIndexerItem, got esutil.BulkIndexerResponseItem, err error) {
				must(err)
				lock.Lock()
				defer lock.Unlock()
				failed[fmt.Sprintf("%d %s", got.Status, got.Error.Type)]++
			},
		}))
	}
	must(indexer.Close(context.Background()))
	return indexer.Stats().NumFlushed, failed
}

func (s *story) bulkIndexer() {
	flushed, failed := s.bulk("index", document{"n": 1})
	expect("bulk index", [2]int{int(flushed), len(failed)}, [2]int{bulkDocuments, 0})
	flushed, failed = s.bulk("create", document{"n": 2})
	expect("bulk create", flushed, uint64(0))
	expect("bulk create, conflicts", failed["409 "+conflict], bulkDocuments)
	flushed, failed = s.bulk("update", document{"doc": document{"m": 1}})
	expect("bulk update", [2]int{int(flushed), len(failed)}, [2]int{bulkDocuments, 0})
	for i := 0; i < bulkDocuments; i++ {
		seen := done(s.get("bulk-" + strconv.Itoa(i)))
		expect("version after the bulks", seen.Version, 2)
		expect("field of the bulk update", seen.Source["m"], 1.0)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client_test URL")
		os.Exit(2)
	}
	time.AfterFunc(deadline, func() { fail("not finished within %v", deadline) })
	// A write that the client sent again by itself would be counted twice.
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{os.Args[1]}, DisableRetry: true})
	must(err)
	s := &story{client, fmt.Sprintf("occ-go-%x", time.Now().UnixNano())}
	settings := document{"settings": document{"number_of_shards": 1, "number_of_replicas": 0}}
	_, err = read(client.Indices.Create(s.index, client.Indices.Create.WithBody(text(settings))))
	must(err)
	s.conflicts()
	s.hotDocuments()
	s.bulkIndexer()
	_, err = read(client.Indices.Delete([]string{s.index}))
	must(err)
}
