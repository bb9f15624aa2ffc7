// The official JavaScript clients against `occkit serve`: 7 as Elasticsearch 7, 8 as Elasticsearch 8, on every strategy
// that claims the rules.
//
//   node client_test.mjs OCCKIT [STRATEGY...]
//
// What many callers at once were told is put together afterwards: every acknowledged write has a number of its own,
// each version of a document follows the one that its writer had seen, and the sums are exact.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Client as Client7, errors as errors7 } from 'es7'
import { Client as Client8, errors as errors8 } from 'es8'

const CALLERS = 64
const INCREMENTS = 200 // of all callers together, for each hot document, and as many partial updates
const HOT_DOCUMENTS = 8
const BULK_DOCUMENTS = 500
// A write that is refused draws no number. Where drawing comes before publishing, a publication that fails wastes one.
const GAPS = /^(packed_cas|version_retry)/
const DEADLINE_MS = 300_000 // far beyond any slowness: a test that hangs has failed

const version = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version

// Where the clients differ: 7 takes what is sent as `body` and answers with the whole response, 8 takes it by name and
// answers with the body.
const faces = [
  {
    name: 'client 7',
    version: version('es7'),
    compat: 7,
    Client: Client7,
    errors: errors7,
    answer: (response) => response.body,
    document: (source) => ({ body: source }),
    fields: (fields) => ({ body: fields }),
    operations: (operations) => ({ body: operations }),
    settings: (settings) => ({ body: settings }),
    accept: undefined,
    contentType: 'application/json; charset=UTF-8',
    malformed: [400, 'mapper_parsing_exception'],
    named: (index, id) => ({ _index: index, _type: '_doc', _id: id })
  },
  {
    name: 'client 8',
    version: version('es8'),
    compat: 8,
    Client: Client8,
    errors: errors8,
    answer: (response) => response,
    document: (source) => ({ document: source }),
    fields: (fields) => fields,
    operations: (operations) => ({ operations }),
    settings: (settings) => ({ settings }),
    accept: 'application/vnd.elasticsearch+json; compatible-with=8',
    contentType: 'application/vnd.elasticsearch+json;compatible-with=8',
    // It sends a string as text/plain, which Elasticsearch does not take.
    malformed: [406, undefined],
    named: (index, id) => ({ _index: index, _id: id })
  }
]

async function withServer (occkit, strategy, compat, use) {
  const server = spawn(occkit, ['serve', '--listen', '127.0.0.1:0', '--threads', '4', '--strategy', strategy,
    '--compat', compat], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => server.on('exit', (status, signal) => resolve(status ?? signal)))
  const kill = () => server.kill('SIGKILL')
  process.on('exit', kill)
  try {
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
    const first = (await lines.next()).value
    assert.match(first ?? 'no line', /^http:\/\/127\.0\.0\.1:\d+: strategy /, 'the server does not start')
    await use(first.split(': ')[0])
    server.kill('SIGTERM')
    const last = (await lines.next()).value
    assert.equal(await ended, 0, 'the server does not end as it should')
    return Number(/^stopped: (\d+) requests answered$/.exec(last)[1])
  } finally {
    process.off('exit', kill)
    kill()
  }
}

function makeClient (face, node) {
  // A write that the client sent again by itself would be counted twice.
  const client = new face.Client({ node, maxRetries: 0, requestTimeout: DEADLINE_MS })
  const api = (call, fields) => async (where, given = {}) => face.answer(await call({ ...where, ...fields(given) }))
  const plain = (given) => given
  return {
    client,
    info: api(() => client.info(), plain),
    createIndex: api((p) => client.indices.create(p), face.fields),
    deleteIndex: api((p) => client.indices.delete(p), plain),
    indexExists: api((p) => client.indices.exists(p), plain),
    index: api((p) => client.index(p), face.document),
    create: api((p) => client.create(p), face.document),
    get: api((p) => client.get(p), plain),
    source: api((p) => client.getSource(p), plain),
    exists: api((p) => client.exists(p), plain),
    update: api((p) => client.update(p), face.fields),
    remove: api((p) => client.delete(p), plain),
    putSettings: api((p) => client.indices.putSettings(p), face.settings),
    refresh: api((p) => client.indices.refresh(p), plain),
    ping: api(() => client.ping(), plain),
    health: api(() => client.cluster.health(), plain),
    mget: api((p) => client.mget(p), face.fields),
    bulk: api((p) => client.bulk(p), face.operations),
    search: api((p) => client.search(p), face.fields)
  }
}

// The client's own error with that status and type.
async function refused (face, call, statusCode, type, reason) {
  const error = await call.then(() => assert.fail(`expected ${statusCode} ${type}, got a success`), (thrown) => thrown)
  assert.ok(error instanceof face.errors.ResponseError, `expected a ResponseError, got ${error}`)
  assert.equal(error.statusCode, statusCode)
  assert.equal(error.meta.body.error?.type, type)
  if (reason) assert.match(error.meta.body.error.reason, reason)
  return error
}

const token = (read) => ({ if_seq_no: read._seq_no, if_primary_term: read._primary_term })
const isConflict = (face, error) => error instanceof face.errors.ResponseError && error.statusCode === 409 &&
  error.meta.body.error.type === 'version_conflict_engine_exception'

async function oneByOne (face, api) {
  const conflict = 'version_conflict_engine_exception'
  let last
  const watch = face.compat === 7 ? api.client : api.client.diagnostic
  watch.on('response', (_, result) => { last = { asked: result.meta.request.params.headers, got: result.headers } })

  const info = await api.info()
  assert.equal(Number(info.version.number.split('.')[0]), face.compat)
  assert.equal(last.got['x-elastic-product'], 'Elasticsearch')
  assert.equal(await api.ping(), true)
  assert.equal((await api.health()).status, 'green')

  const movie = { index: 'movies', id: '109487' }
  assert.equal(await api.indexExists({ index: 'movies' }), false)
  const settings = { number_of_shards: 2, number_of_replicas: 0, gc_deletes: '1h' }
  const made = await api.createIndex({ index: 'movies' }, { settings })
  assert.deepEqual(made, { acknowledged: true, shards_acknowledged: true, index: 'movies' })
  assert.equal(await api.indexExists({ index: 'movies' }), true)
  await refused(face, api.createIndex({ index: 'movies' }), 400, 'resource_already_exists_exception')
  assert.deepEqual(await api.putSettings({ index: 'movies' }, { index: { gc_deletes: '2h' } }), { acknowledged: true })
  assert.equal((await api.refresh({ index: 'movies' }))._shards.failed, 0)

  const first = await api.index(movie, { title: 'Interstellar', year: 2013 })
  assert.deepEqual(first, {
    ...face.named('movies', '109487'), _version: 1, result: 'created', _shards: { total: 1, successful: 1, failed: 0 },
    _seq_no: 0, _primary_term: 1
  })
  // 8 asks for a type of its own and is answered in it.
  assert.equal(last.asked.accept, face.accept)
  assert.equal(last.got['content-type'], face.contentType)
  const read = await api.get(movie)
  assert.deepEqual(read, {
    ...face.named('movies', '109487'), _version: 1, _seq_no: 0, _primary_term: 1, found: true,
    _source: { title: 'Interstellar', year: 2013 }
  })
  const second = await api.index({ ...movie, ...token(read) }, { title: 'Interstellar', year: 2014 })
  assert.deepEqual([second.result, second._version, second._seq_no], ['updated', 2, 1])
  const stale = await refused(face, api.index({ ...movie, ...token(read) }, { year: 2015 }), 409, conflict)
  assert.equal(stale.meta.body.error.reason, '[109487]: version conflict, required seqNo [0], primary term [1]. ' +
    'current document has seqNo [1] and primary term [1]')
  assert.equal(stale.meta.body.status, 409)
  assert.equal(stale.meta.body.error.index, 'movies')
  await refused(face, api.remove({ ...movie, ...token(read) }), 409, conflict)
  await refused(face, api.create(movie, { year: 1 }), 409, conflict, /document already exists/)
  const other = { index: 'movies', id: 'other' }
  await refused(face, api.index({ ...other, if_seq_no: 1 }, {}), 400, 'action_request_validation_exception')
  await refused(face, api.index({ ...other, version: 1 }, {}), 400, 'action_request_validation_exception')
  await refused(face, api.index(other, '{"a":'), ...face.malformed)

  const external = { index: 'movies', id: 'external', version_type: 'external' }
  assert.equal((await api.index({ ...external, version: 7 }, {}))._version, 7)
  await refused(face, api.index({ ...external, version: 7 }, {}), 409, conflict, /current version \[7\]/)

  const rated = { doc: { rating: { imdb: 8.7 } } }
  const updated = await api.update({ ...movie, retry_on_conflict: 3, _source: true }, rated)
  assert.deepEqual(updated.get._source, { title: 'Interstellar', year: 2014, rating: { imdb: 8.7 } })
  const noop = await api.update(movie, { doc: { year: 2014 } })
  assert.deepEqual([noop.result, noop._seq_no, noop._version], ['noop', updated._seq_no, 3])
  assert.equal((await api.update({ ...movie, ...token(noop) }, { doc: { rating: { users: 5 } } })).result, 'updated')
  await refused(face, api.update({ ...movie, ...token(noop) }, { doc: { year: 1 } }), 409, conflict)
  await refused(face, api.update(other, { doc: {} }), 404, 'document_missing_exception')
  const upserted = await api.update(other, { doc: { n: 2 }, upsert: { n: 1 } })
  assert.deepEqual([upserted.result, upserted._version], ['created', 1])
  assert.deepEqual(await api.source(movie), { title: 'Interstellar', year: 2014, rating: { imdb: 8.7, users: 5 } })

  const several = await api.mget({ index: 'movies' }, { ids: ['109487', 'other', 'none'] })
  assert.deepEqual(several.docs.map((doc) => [doc._id, doc.found, doc._version]),
    [['109487', true, 4], ['other', true, 1], ['none', false, undefined]])
  const elsewhere = await api.mget({}, { docs: [{ _index: 'movies', _id: 'other' }, { _index: 'nowhere', _id: '1' }] })
  assert.deepEqual(elsewhere.docs[0]._source, { n: 1 })
  assert.equal(elsewhere.docs[1].error.type, 'index_not_found_exception')

  const bulk = await api.bulk({ index: 'movies' }, [
    { index: { _id: 'b1' } }, { n: 1 },
    { index: { _id: '109487', ...token(read) } }, { n: 1 },
    { update: { _id: 'b1', retry_on_conflict: 2 } }, { doc: { m: 1 } },
    { create: { _id: 'b1' } }, { n: 1 },
    { delete: { _id: 'b1' } }
  ])
  assert.equal(bulk.errors, true)
  const items = bulk.items.map((item) => Object.values(item)[0])
  assert.deepEqual(items.map((item) => [item.status, item.result ?? item.error.type]),
    [[201, 'created'], [409, conflict], [200, 'updated'], [409, conflict], [200, 'deleted']])

  assert.equal(await api.exists(movie), true)
  assert.equal((await api.remove(movie)).result, 'deleted')
  assert.equal(await api.exists(movie), false)
  const gone = await refused(face, api.get(movie), 404, undefined)
  assert.equal(gone.meta.body.found, false)
  await refused(face, api.remove(movie), 404, undefined)
  // The version lives on in the tombstone.
  assert.equal((await api.index(movie, {}))._version, 7)
  assert.equal((await api.index({ index: 'movies' }, {}))._id.length, 20)
  await refused(face, api.search({ index: 'movies' }, { aggs: { years: { terms: { field: 'year' } } } }), 501, 'unsupported_operation_exception')
  await api.deleteIndex({ index: 'movies' })
  await refused(face, api.get(movie), 404, 'index_not_found_exception')
}

// Half of the callers read, compute and write on the condition that nobody came between, and try again if somebody did;
// the other half merge fields of their own into the same documents.
async function hotDocuments (face, api, strategy) {
  const index = 'shop'
  await api.createIndex({ index }, { settings: { number_of_shards: 1 } })
  const ids = Array.from({ length: HOT_DOCUMENTS }, (_, i) => `hot-${i}`)
  const acknowledged = []
  const told = (answer, replaced) => acknowledged.push({
    id: answer._id, version: answer._version, seqNo: answer._seq_no, term: answer._primary_term, replaced
  })
  for (const id of ids) told(await api.create({ index, id }, { sold: 0 }))

  let conflicts = 0
  const again = async (attempt) => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!isConflict(face, error)) throw error
        ++conflicts
      }
    }
  }
  const increment = (id) => again(async () => {
    const read = await api.get({ index, id })
    const answer = await api.index({ index, id, ...token(read) }, { ...read._source, sold: read._source.sold + 1 })
    assert.equal(answer._version, read._version + 1)
    told(answer, read._seq_no)
  })
  const merge = (id, field, value) => again(async () => {
    told(await api.update({ index, id, retry_on_conflict: 10 }, { doc: { [field]: value } }))
  })
  const each = INCREMENTS * HOT_DOCUMENTS / (CALLERS / 2)
  const caller = async (_, number) => {
    for (let i = 0; i < each; ++i) {
      const id = ids[(number + i) % HOT_DOCUMENTS]
      await (number % 2 === 0 ? increment(id) : merge(id, `by_${number}`, i))
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))

  const numbers = acknowledged.map((write) => write.seqNo)
  assert.equal(new Set(numbers).size, numbers.length, 'two writes have one number')
  const gaps = Math.max(...numbers) + 1 - numbers.length
  if (!GAPS.test(strategy)) assert.equal(gaps, 0, `${gaps} numbers belong to no write`)
  let sum = 0
  for (const [at, id] of ids.entries()) {
    const chain = acknowledged.filter((write) => write.id === id).sort((a, b) => a.version - b.version)
    chain.forEach((write, i) => {
      assert.equal(write.version, i + 1)
      assert.equal(write.term, 1)
      if (i > 0) assert.ok(write.seqNo > chain[i - 1].seqNo, 'numbers rise with versions')
      if (write.replaced !== undefined) assert.equal(write.replaced, chain[i - 1].seqNo, `${id}: an update was lost`)
    })
    const last = await api.get({ index, id })
    assert.deepEqual([last._version, last._seq_no], [chain.length, chain.at(-1).seqNo])
    assert.equal(last._source.sold, chain.filter((write) => write.replaced !== undefined).length)
    sum += last._source.sold
    for (let number = 1; number < CALLERS; number += 2) {
      const mine = Array.from({ length: each }, (_, i) => i).filter((i) => (number + i) % HOT_DOCUMENTS === at)
      assert.equal(last._source[`by_${number}`], mine.at(-1), `${id}: what caller ${number} merged was lost`)
    }
  }
  assert.equal(sum, INCREMENTS * HOT_DOCUMENTS)
  return { writes: acknowledged.length, conflicts }
}

// Two bulk helpers at a time merge into the documents that a third has indexed.
async function bulkHelper (face, api) {
  const index = 'stock'
  const ids = Array.from({ length: BULK_DOCUMENTS }, (_, i) => `d${i}`)
  const run = async (datasource, onDocument) => {
    const dropped = []
    const stats = await api.client.helpers.bulk({
      datasource,
      onDocument,
      onDrop: (drop) => dropped.push(drop),
      flushBytes: 4_096,
      concurrency: 5,
      refreshOnCompletion: index
    })
    assert.deepEqual(dropped, [])
    assert.deepEqual([stats.total, stats.successful, stats.failed], [datasource.length, datasource.length, 0])
    return stats.successful
  }
  const merge = (field) => run(ids.map((id) => ({ id, [field]: 1 })), ({ id }) =>
    [{ update: { _index: index, _id: id, retry_on_conflict: 5 } }, {}])
  const indexed = await run(ids.map((id, i) => ({ id, in_stock: i })),
    ({ id }) => ({ index: { _index: index, _id: id } }))
  const [reserved, ordered] = await Promise.all([merge('reserved'), merge('ordered')])
  const found = (await api.mget({ index }, { ids })).docs
  found.forEach((doc, i) => {
    assert.deepEqual(doc._source, { id: ids[i], in_stock: i, reserved: 1, ordered: 1 })
    assert.equal(doc._version, 3)
  })
  return indexed + reserved + ordered
}

async function main (occkit, wanted) {
  const listed = execFileSync(occkit, ['list'], { encoding: 'utf8' }).matchAll(/^  (\w+) +(?:full|version_only) /gm)
  // One of them is a server itself.
  const all = Array.from(listed, (line) => line[1]).filter((name) => name !== 'elasticsearch')
  const strategies = wanted.length > 0 ? wanted : all
  assert.ok(strategies.length > 0, 'occkit list names no strategy that claims the rules')
  for (const face of faces) {
    console.log(`${face.name} (${face.version}), ${CALLERS} callers at once, against --compat ${face.compat}`)
    for (const strategy of strategies) {
      let hot
      let items
      try {
        const requests = await withServer(occkit, strategy, String(face.compat), async (url) => {
          const api = makeClient(face, url)
          await oneByOne(face, api)
          hot = await hotDocuments(face, api, strategy)
          items = await bulkHelper(face, api)
          await api.client.close()
        })
        console.log(`  ${strategy}: ${requests} requests, ${hot.writes} writes of ${HOT_DOCUMENTS} hot documents, ` +
          `${hot.conflicts} conflicts caught, ${items} items by the bulk helper: sums exact`)
      } catch (error) {
        console.error(`client_test: ${face.name}, ${strategy}: ${error.stack}`)
        process.exit(1)
      }
    }
  }
}

const [occkit, ...wanted] = process.argv.slice(2)
setTimeout(() => {
  console.error(`client_test: not finished within ${DEADLINE_MS / 1000} s`)
  process.exit(1)
}, DEADLINE_MS).unref()
await main(occkit, wanted)
