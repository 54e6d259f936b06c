/*
 * TS014: 21 tests of a deployed server against its live database.
 *
 *   npx tsx test-ts014-comprehensive-validation.ts
 *
 * Reads the server's own configuration (process environment, ENV_FILE) and asks
 * the server on its ports. Everything it makes belongs to users of its own and is
 * removed at the end. Needs no development dependency and no network but the
 * server's and the database's.
 *
 * Exit status 0 when 95 % or more passed, as the deployment guide asks, else 1.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { parseDatabaseConfig, loadEnvironment } from './mcp-server/src/config.js';
import { Database } from './mcp-server/src/database.js';
import { pendingMigrations, readMigrations } from './mcp-server/src/migrator.js';
import { VERSION } from './mcp-server/src/version.js';

type Json = Record<string, unknown>;

const { values: environment } = loadEnvironment(process.env);

function setting(name: string, fallback: string): string {
  const value = environment[name];
  return value === undefined || value === '' ? fallback : value;
}

function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

const LINES = { host: reachable(setting('MCP_HOST', '127.0.0.1')), port: Number(setting('MCP_PORT', '3001')) };
const HTTP_HOST = reachable(setting('HTTP_HOST', '127.0.0.1'));
const HTTP = `http://${HTTP_HOST.includes(':') ? `[${HTTP_HOST}]` : HTTP_HOST}:${setting('HTTP_PORT', '8080')}`;
const TIMEOUT_MS = 10_000;
const SESSION_NEW_TARGET_MS = 50; // of the guide

const RUN = randomBytes(6).toString('hex');
const USER = `ts014-${RUN}`;
const FRESH_USER = `ts014-${RUN}-fresh`;
const LIMIT_USER = `ts014-${RUN}-many`;
const USERS = [USER, FRESH_USER, LIMIT_USER];

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function equal(observed: unknown, expected: unknown, what: string): void {
  const [seen, wanted] = [JSON.stringify(observed), JSON.stringify(expected)];
  check(seen === wanted, `${what}: expected ${wanted}, observed ${seen}`);
}

function object(value: unknown, what: string): Json {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is not an object: ${JSON.stringify(value)}`);
  return value as Json;
}

/** Sends lines on one connection, closes its side, and returns the lines answered. */
function exchange(lines: readonly string[]): Promise<Json[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(LINES);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer on ${LINES.host}:${LINES.port} within ${TIMEOUT_MS} ms`)));
    socket.on('connect', () => socket.end(lines.map((line) => `${line}\n`).join('')));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('end', () => {
      try {
        resolve(text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Json));
      } catch {
        reject(new Error(`not JSON: ${text.slice(0, 200)}`));
      }
    });
  });
}

async function rpc(method: string, params: Json = {}): Promise<Json> {
  const [answer] = await exchange([JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })]);
  check(answer !== undefined, `${method}: the server closed the connection without an answer`);
  if (answer['error'] !== undefined) throw new Error(`${method}: ${JSON.stringify(answer['error'])}`);
  return object(answer['result'], `result of ${method}`);
}

/** Calls a tool the way an MCP client does; an answer with isError is a failure. */
async function tool(name: string, args: Json = {}): Promise<Json> {
  const result = await rpc('tools/call', { name, arguments: args });
  check(result['isError'] !== true, `${name}: ${JSON.stringify(result['content'])}`);
  return object(result['structuredContent'], `answer of ${name}`);
}

function bearer(): Json {
  if (!['true', '1', 'yes', 'on'].includes(setting('HTTP_REQUIRE_AUTH', 'false').toLowerCase())) return {};
  const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: USER, exp: Math.floor(Date.now() / 1000) + 300 })}`;
  return { Authorization: `Bearer ${unsigned}.${createHmac('sha256', setting('JWT_SECRET', '')).update(unsigned).digest('base64url')}` };
}

async function http(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${HTTP}${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

// ------------------------------------------------------------------ the tests

const { database } = parseDatabaseConfig(environment);
const db = new Database(database, 2);

const state: { projectId?: string; sessionId?: string } = {};

function need(key: keyof typeof state): string {
  const value = state[key];
  check(value !== undefined, `an earlier test did not make the ${key === 'projectId' ? 'project' : 'session'} this one needs`);
  return value;
}

async function names(sql: string, values: readonly unknown[]): Promise<string[]> {
  return (await db.query<{ name: string }>(sql, values)).map(({ name }) => name);
}

async function expectNames(what: string, wanted: readonly string[], sql: string): Promise<void> {
  const found = await names(sql, [wanted]);
  const missing = wanted.filter((name) => !found.includes(name));
  check(missing.length === 0, `missing ${what}: ${missing.join(', ')}`);
}

function resolvedAs(answer: Json, level: string, projectId?: string): void {
  equal(answer['resolved_by'], level, 'level of resolution');
  if (projectId !== undefined) equal(object(answer['project'], 'project')['id'], projectId, 'project');
}

const TESTS: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'the database answers and is PostgreSQL 14 or newer',
    async () => {
      const [row] = await db.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");
      check((row?.version ?? 0) >= 140000, `server_version_num is ${row?.version ?? 'unknown'}`);
    },
  ],
  [
    'the extensions are there',
    () => expectNames('extensions', ['uuid-ossp', 'vector', 'pg_trgm'], 'SELECT extname AS name FROM pg_extension WHERE extname = ANY ($1)'),
  ],
  [
    'the nine tables are there',
    () =>
      expectNames(
        'tables',
        [
          'contexts',
          'projects',
          'sessions',
          'pattern_discovery_sessions',
          'metrics_collection_sessions',
          'code_analysis_sessions',
          'complexity_analysis_sessions',
          'event_log',
          'migrations',
        ],
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND oid = to_regclass(quote_ident(relname)) AND relname = ANY ($1)",
      ),
  ],
  [
    'the nine performance indexes are there and valid',
    () =>
      expectNames(
        'valid indexes',
        [
          'idx_projects_name',
          'idx_projects_status',
          'idx_projects_created_at',
          'idx_sessions_project_id',
          'idx_sessions_agent_type',
          'idx_sessions_started_at',
          'idx_contexts_project_id',
          'idx_contexts_session_id',
          'idx_contexts_type',
        ],
        'SELECT c.relname AS name FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE i.indisvalid AND c.relname = ANY ($1)',
      ),
  ],
  [
    'the foreign keys are there and enforced',
    async () => {
      await expectNames(
        'foreign keys',
        ['sessions→projects', 'contexts→projects', 'contexts→sessions', 'event_log→projects', 'event_log→sessions'],
        `SELECT conrelid::regclass || '→' || confrelid::regclass AS name FROM pg_constraint
          WHERE contype = 'f' AND convalidated AND conrelid::regclass || '→' || confrelid::regclass = ANY ($1)`,
      );
      const refused = await db
        .query("INSERT INTO sessions (project_id, user_name) VALUES (gen_random_uuid(), $1)", [USER])
        .then(() => 'nothing', (error: unknown) => (error as { code?: string }).code);
      equal(refused, '23503', 'refusal of a session of no project');
    },
  ],
  [
    'every migration of this release is applied as it is',
    async () => {
      const pending = await pendingMigrations((sql) => db.query(sql), readMigrations());
      equal(pending.map(({ filename }) => filename), [], 'pending migrations');
    },
  ],
  [
    'MCP initialize is answered by this version',
    async () => {
      const answer = await rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'ts014', version: '1' } });
      equal(answer['protocolVersion'], '2025-06-18', 'protocol version');
      equal(object(answer['serverInfo'], 'serverInfo')['version'], VERSION, 'version of the server');
    },
  ],
  [
    'all tools are listed with a schema',
    async () => {
      const { tools } = await rpc('tools/list');
      check(Array.isArray(tools), 'tools is not a list');
      const listed = new Map((tools as Json[]).map((entry) => [entry['name'], entry['inputSchema']]));
      for (const name of ['project_list', 'project_create', 'project_switch', 'session_new', 'session_status', 'context_store', 'context_search', 'ping']) {
        equal(object(listed.get(name), `schema of ${name}`)['type'], 'object', `type of ${name}'s arguments`);
      }
    },
  ],
  [
    'the short form of the guide is answered',
    async () => {
      const [answer] = await exchange(['{"method":"project_list"}']);
      check(Array.isArray(object(object(answer, 'answer')['result'], 'result')['projects']), `no list of projects: ${JSON.stringify(answer)}`);
    },
  ],
  [
    'protocol errors have their codes, and a good request after them its answer',
    async () => {
      const answers = await exchange([
        '{"jsonrpc":',
        '{"jsonrpc":"2.0","id":1,"method":2}',
        '{"jsonrpc":"2.0","id":2,"method":"no_such_method"}',
        '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":7}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":"four","method":"ping"}',
      ]);
      const codes = answers.slice(0, 4).map((answer) => object(answer['error'], 'error')['code']);
      equal(codes, [-32700, -32600, -32601, -32602], 'codes');
      equal(answers.slice(4), [{ jsonrpc: '2.0', id: 'four', result: {} }], 'answers after them');
    },
  ],
  [
    'health, readiness and metrics are served',
    async () => {
      const health = await http('/healthz');
      equal([health.status, ((await health.json()) as Json)['version']], [200, VERSION], '/healthz');
      equal((await http('/readyz')).status, 200, '/readyz');
      const text = await (await http('/metrics')).text();
      for (const name of ['aidis_build_info', 'aidis_requests_total', 'aidis_active_sessions', 'aidis_db_pool_total']) {
        check(text.includes(`\n# TYPE ${name} `), `/metrics lacks ${name}`);
      }
    },
  ],
  [
    'MCP over HTTP opens a session, calls a tool, closes the session',
    async () => {
      const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...bearer() } as Record<string, string>;
      const post = (body: Json, extra: Record<string, string> = {}): Promise<Response> =>
        http('/mcp', { method: 'POST', headers: { ...headers, ...extra }, body: JSON.stringify(body) });
      const opened = await post({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'ts014', version: '1' } },
      });
      const id = opened.headers.get('mcp-session-id');
      check(opened.ok && id !== null, `initialize: HTTP ${opened.status}`);
      const session = { 'Mcp-Session-Id': id, 'Mcp-Protocol-Version': '2025-06-18' };
      equal((await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session)).status, 202, 'notification');
      const called = (await (await post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'ping', arguments: {} } }, session)).json()) as Json;
      const result = object(called['result'], 'result of ping');
      check(result['isError'] !== true, `ping: ${JSON.stringify(result['content'])}`);
      equal((await http('/mcp', { method: 'DELETE', headers: { ...headers, ...session } })).status, 200, 'closing');
      equal((await post({ jsonrpc: '2.0', id: 3, method: 'ping' }, session)).status, 404, 'a request after closing');
    },
  ],
  [
    'a project is made and listed',
    async () => {
      const { project } = await tool('project_create', { name: `${USER} one`, description: 'of a validation run', user: USER });
      state.projectId = String(object(project, 'project')['id']);
      const listed = (await tool('project_list', { limit: 1000 }))['projects'] as Json[];
      // Oldest first: with more than a thousand projects the new one is not among them.
      check(listed.length === 1000 || listed.some((entry) => entry['id'] === state.projectId), 'the new project is not listed');
    },
  ],
  [
    'level 1: a session gets the project it names',
    async () => {
      const answer = await tool('session_new', { user: USER, project: `${USER} one`, agent_type: 'ts014' });
      resolvedAs(answer, 'named', need('projectId'));
      state.sessionId = String(object(answer['session'], 'session')['id']);
      const [row] = await db.query<{ project_id: string; status: string }>('SELECT project_id, status FROM sessions WHERE id = $1', [state.sessionId]);
      equal(row, { project_id: need('projectId'), status: 'active' }, 'row of the session');
    },
  ],
  [
    'level 2: a session gets the project its user used last',
    async () => {
      resolvedAs(await tool('session_new', { user: USER }), 'last_used', need('projectId'));
    },
  ],
  [
    "level 3: a session gets its user's primary project",
    async () => {
      const { project } = await tool('project_create', { name: `${LIMIT_USER} primary`, user: LIMIT_USER, primary: true });
      resolvedAs(await tool('session_new', { user: LIMIT_USER }), 'user_primary', String(object(project, 'project')['id']));
    },
  ],
  [
    'level 4: a session of a new user gets the system default project',
    async () => {
      const answer = await tool('session_new', { user: FRESH_USER });
      const wanted = setting('DEFAULT_PROJECT_ID', '');
      resolvedAs(answer, 'system_default', wanted === '' ? undefined : wanted.toLowerCase());
    },
  ],
  [
    'a session is moved to another project, told about, and ended',
    async () => {
      const session_id = need('sessionId');
      const { project } = await tool('project_create', { name: `${USER} two`, user: USER });
      const id = object(project, 'project')['id'];
      await tool('project_switch', { project: id, session_id, user: USER });
      equal(object((await tool('session_status', { session_id }))['project'], 'project')['id'], id, 'project of the session');
      await tool('session_end', { session_id, user: USER });
      equal(object((await tool('session_status', { session_id }))['session'], 'session')['status'], 'ended', 'status of the session');
    },
  ],
  [
    'a context is stored, found by its wording, and deleted',
    async () => {
      const project = need('projectId');
      const stored = await tool('context_store', { project, user: USER, content: 'The heron waits at the weir for the evening flood.', tags: ['birds'] });
      await tool('context_store', { project, user: USER, content: 'Quarterly invoices are archived in the northern office.' });
      const context_id = object(stored['context'], 'context')['id'];
      const { results } = await tool('context_search', { project, user: USER, query: 'herons waiting at weirs' });
      equal((results as Json[])[0]?.['id'], context_id, 'best match');
      await tool('context_delete', { context_id, user: USER });
      equal(await names('SELECT id::text AS name FROM contexts WHERE id = $1', [context_id]), [], 'rows left');
    },
  ],
  [
    'successes and failures are in the event log',
    async () => {
      const refused = await rpc('tools/call', { name: 'project_switch', arguments: { project: `${USER} nowhere`, user: USER } });
      equal(refused['isError'], true, 'switching to a project that is not there');
      const found = await names(
        "SELECT DISTINCT event_type || ' ' || status AS name FROM event_log WHERE user_name = $1 ORDER BY name",
        [USER],
      );
      for (const name of ['session_created success', 'project_assigned success', 'project_assigned failure', 'context_stored success']) {
        check(found.includes(name), `no event "${name}" (found: ${found.join(', ')})`);
      }
    },
  ],
  [
    `sessions are made in less than ${SESSION_NEW_TARGET_MS} ms (median of 20), also several at once`,
    async () => {
      const together = await Promise.all(Array.from({ length: 5 }, () => tool('session_new', { user: LIMIT_USER })));
      equal(new Set(together.map((answer) => object(answer['session'], 'session')['id'])).size, 5, 'different sessions made at once');
      const times: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        const start = performance.now();
        await tool('session_new', { user: LIMIT_USER });
        times.push(performance.now() - start);
      }
      const median = times.sort((a, b) => a - b)[10] ?? Number.NaN;
      check(median < SESSION_NEW_TARGET_MS, `median is ${median.toFixed(1)} ms`);
    },
  ],
];

/** Removes all that belongs to this run's users. */
async function cleanUp(): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('DELETE FROM contexts WHERE project_id IN (SELECT id FROM projects WHERE owner = ANY ($1))', [USERS]);
    await tx.query('DELETE FROM sessions WHERE user_name = ANY ($1)', [USERS]);
    await tx.query('DELETE FROM projects WHERE owner = ANY ($1)', [USERS]);
    await tx.query('DELETE FROM event_log WHERE user_name = ANY ($1)', [USERS]);
  });
}

async function main(): Promise<number> {
  console.log(`TS014 comprehensive validation: ${LINES.host}:${LINES.port}, ${HTTP}, database ${database.description}\n`);
  let passed = 0;
  for (const [i, [title, run]] of TESTS.entries()) {
    const start = performance.now();
    const number = String(i + 1).padStart(2, '0');
    try {
      await run();
      passed += 1;
      console.log(`✅ ${number} ${title} (${Math.round(performance.now() - start)} ms)`);
    } catch (error) {
      console.log(`❌ ${number} ${title}\n      ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  let cleaned = true;
  try {
    await cleanUp();
  } catch (error) {
    cleaned = false;
    console.log(`❌ rows of ${USER} could not be removed: ${(error as Error).message}`);
  }
  await db.close();

  const failed = TESTS.length - passed;
  const share = (100 * passed) / TESTS.length;
  const status = share >= 95 ? 'EXCELLENT' : share >= 85 ? 'GOOD' : share >= 70 ? 'NEEDS ATTENTION' : 'CRITICAL';
  const mark = (good: boolean): string => (good ? '✅' : '❌');
  console.log(`\n✅ Total Tests: ${TESTS.length}`);
  console.log(`✅ Passed: ${passed} (${Math.floor(share * 10) / 10}% success rate)`);
  console.log(`${mark(failed <= 1)} Failed: ${failed}`);
  console.log(`${mark(share >= 95)} Overall Status: ${status}`);
  return share >= 95 && cleaned ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
