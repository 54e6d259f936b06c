import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  asAdmin,
  connectionOf,
  eventually,
  LineClient,
  makeDatabase,
  makeReadyDatabase,
  PACKAGE,
  run,
  startServer,
  temporaryDirectory,
  type Json,
  type TestDatabase,
} from './support.js';

const NASTY = `'"%\\ $@/ :?#&=+`;

let database: TestDatabase;
let directory: ReturnType<typeof temporaryDirectory>;

before(async () => {
  database = await makeReadyDatabase({ password: NASTY });
  directory = temporaryDirectory();
});
after(async () => {
  await database.drop();
  directory.remove();
});

/** Makes every use of `projects` wait until the returned function is called. */
async function blockProjects(): Promise<() => Promise<void>> {
  const blocker = new pg.Client(connectionOf(database.url));
  await blocker.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE projects IN ACCESS EXCLUSIVE MODE');
  return () => blocker.end();
}

async function waitingCalls(): Promise<number> {
  const [row] = await database.query(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  );
  return Number(row?.['n']);
}

function refusedConnection(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => {
      resolve(true);
    });
  });
}

const HTTP_HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

async function httpSession(base: string, headers: Record<string, string> = {}): Promise<Record<string, string>> {
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '0' } };
  const response = await fetch(`${base}/mcp`, {
    method: 'POST',
    headers: { ...HTTP_HEADERS, ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return { ...HTTP_HEADERS, 'Mcp-Session-Id': response.headers.get('mcp-session-id') ?? '' };
}

function logLines(path: string): Json[] {
  return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Json);
}

test('SIGTERM: what is in flight on both transports is answered, new connections are refused, exit 0', async () => {
  const server = await startServer({ DATABASE_URL: database.url });
  const headers = await httpSession(server.http);
  // An event stream that stays open must not hold the stop up.
  const stream = await fetch(`${server.http}/mcp`, { headers });
  assert.equal(stream.status, 200);
  const idle = await LineClient.connect(server.mcpPort);
  const client = await LineClient.connect(server.mcpPort);
  const unblock = await blockProjects();

  const line = client.call('project_list');
  const http = fetch(`${server.http}/mcp`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'project_list', arguments: {} } }),
  });
  await eventually('both calls wait', async () => (await waitingCalls()) === 2);
  server.child.kill('SIGTERM');
  await eventually('new connections are refused', async () => (await refusedConnection(server.mcpPort)) && (await refusedConnection(server.httpPort)));
  assert.equal(await idle.line(), undefined);
  await sleep(100);
  assert.equal(server.child.exitCode, null);
  await unblock();

  assert.ok(Array.isArray((await line)['projects']));
  const answer = (await (await http).json()) as { result: { structuredContent: Json } };
  assert.ok(Array.isArray(answer.result.structuredContent['projects']));
  assert.deepEqual(await server.ended(), { code: 0, signal: null });
});

test('SIGTERM: a pipelined request not begun is not begun', async () => {
  const server = await startServer({ DATABASE_URL: database.url });
  const client = await LineClient.connect(server.mcpPort);
  const unblock = await blockProjects();
  client.send('{"jsonrpc":"2.0","id":1,"method":"project_list"}\n{"jsonrpc":"2.0","id":2,"method":"project_create","params":{"name":"too late"}}\n');
  await eventually('the call waits', async () => (await waitingCalls()) === 1);
  server.child.kill('SIGTERM');
  await eventually('the port is closed', () => refusedConnection(server.mcpPort));
  await unblock();
  assert.equal(((await client.answer()) as Json)['id'], 1);
  assert.equal(await client.line(), undefined);
  assert.equal((await server.ended()).code, 0);
  assert.deepEqual(await database.query("SELECT id FROM projects WHERE name = 'too late'"), []);
});

test('SIGTERM: the time is bounded', async () => {
  const server = await startServer({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT: '300' });
  const client = await LineClient.connect(server.mcpPort);
  const unblock = await blockProjects();
  client.send('{"jsonrpc":"2.0","id":1,"method":"project_list"}\n');
  await eventually('the call waits', async () => (await waitingCalls()) === 1);
  const start = Date.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - start < 8000);
  assert.match(server.stderr(), /cut off/);
  await unblock();
});

test('SIGTERM writes the activity counted so far', async () => {
  const server = await startServer({ DATABASE_URL: database.url });
  const client = await LineClient.connect(server.mcpPort);
  const { session } = (await client.call('session_new', { user: 'stopped' })) as unknown as { session: { id: string } };
  await client.call('context_store', { content: 'x', session_id: session.id });
  await server.stop();
  const [row] = await database.query('SELECT tool_calls FROM sessions WHERE id = $1', [session.id]);
  assert.equal(row?.['tool_calls'], 1);
});

test('SIGHUP re-opens the log after a rotation and takes over settings; what it cannot take over it tells', async () => {
  const logFile = join(directory.path, 'production.log');
  const envFile = join(directory.path, 'hup.env');
  const write = (more: string): void => {
    writeFileSync(envFile, `MAX_CONCURRENT_SESSIONS=2\nAUTO_CREATE_PROJECTS=true\n${more}`);
  };
  write('');
  // Started without a log file, so that the ports can be read.
  const server = await startServer({ DATABASE_URL: database.url, ENV_FILE: envFile });
  await eventually('the start is over', () => server.stderr().includes('"ready"'));
  const reload = async (expected: RegExp): Promise<void> => {
    server.child.kill('SIGHUP');
    await eventually(`reload: ${expected.source}`, () => expected.test(server.stderr()));
  };
  write(`LOG_FILE=${logFile}\n`);
  server.child.kill('SIGHUP');
  await eventually('the log is opened', () => {
    try {
      return logLines(logFile).some(({ message }) => message === 'reloaded');
    } catch {
      return false;
    }
  });
  assert.equal(statSync(logFile).mode & 0o777, 0o640);

  renameSync(logFile, `${logFile}.1`);
  server.child.kill('SIGHUP');
  await eventually('the new file is written', () => {
    try {
      return statSync(logFile).size > 0;
    } catch {
      return false;
    }
  });
  assert.equal(logLines(`${logFile}.1`).filter(({ message }) => message === 'reloaded').length, 1);

  const client = await LineClient.connect(server.mcpPort);
  await client.call('session_new', { user: 'reloaded', project: 'made before' });
  write('AUTO_CREATE_PROJECTS=false\nDATABASE_MAX_CONNECTIONS=5\nLOG_LEVEL=warn\n');
  await reload(/take a restart.*DATABASE_MAX_CONNECTIONS/);
  assert.equal((await client.refused('session_new', { user: 'reloaded', project: 'made after' })).data?.['code'], 'not_found');

  write('AUTO_CREATE_PROJECTS=perhaps\n');
  await reload(/reload refused.*AUTO_CREATE_PROJECTS: expected true or false/);
  assert.equal((await client.refused('session_new', { user: 'reloaded', project: 'made after' })).data?.['code'], 'not_found');
  client.close();
  assert.equal((await server.stop()).code, 0);
});

/** A relay to the database that can be cut. */
class Relay {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  port = 0;

  async up(): Promise<void> {
    const server = createServer((near) => {
      const far = createConnection({ host: database.host, port: database.port });
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.sockets.add(from);
        from.on('error', () => undefined);
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve) => server.listen({ port: this.port, host: '127.0.0.1' }, resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async down(): Promise<void> {
    const server = this.server;
    if (server === undefined) return;
    this.server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

test('the database away and back: no crash, 503 with a reason, tools say so, then all is well', async () => {
  const relay = new Relay();
  await relay.up();
  const url = new URL(database.url);
  url.hostname = '127.0.0.1';
  url.port = String(relay.port);
  const server = await startServer({ DATABASE_URL: url.href, SESSION_PERSISTENCE_INTERVAL: '100', ENABLE_ANALYTICS: 'true', METRICS_COLLECTION_INTERVAL: '100' });
  const client = await LineClient.connect(server.mcpPort);
  const ready = async (): Promise<number> => (await fetch(`${server.http}/readyz`)).status;
  try {
    await client.call('session_new', { user: 'survivor' });
    assert.equal(await ready(), 200);
    await relay.down();
    await eventually('not ready', async () => (await ready()) === 503);
    const reason = ((await (await fetch(`${server.http}/readyz`)).json()) as Json)['reason'];
    assert.match(String(reason), /the database cannot be reached/);
    const called = await client.call('tools/call', { name: 'ping', arguments: {} });
    assert.equal(called['isError'], true);
    const refused = await client.refused('session_new', { user: 'survivor' });
    assert.deepEqual([refused.code, refused.message, refused.data], [-32000, 'the database cannot be reached', { code: 'unavailable' }]);
    assert.equal((await fetch(`${server.http}/healthz`)).status, 200);
    assert.match(await (await fetch(`${server.http}/metrics`)).text(), /^aidis_database_up 0$/m);
    await sleep(400);
    assert.equal(server.child.exitCode, null);
    await relay.up();
    await eventually('ready again', async () => (await ready()) === 200);
    assert.equal((await client.call('session_new', { user: 'survivor' }))['resolved_by'], 'last_used');
  } finally {
    client.close();
    assert.equal((await server.stop()).code, 0);
    await relay.down();
  }
});

test('connections ended by the server of the database are replaced', async () => {
  const server = await startServer({ DATABASE_URL: database.url });
  const client = await LineClient.connect(server.mcpPort);
  await client.call('project_list');
  await database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'aidis-mcp-server/%'");
  await eventually('calls work again', async () => 'result' in (await client.ask('{"method":"project_list"}')));
  client.close();
  assert.equal((await server.stop()).code, 0);
});

test('started before its database is there, and before its migrations', async () => {
  const empty = await makeDatabase();
  const relay = new Relay();
  await relay.up();
  await relay.down();
  const url = new URL(empty.url);
  url.hostname = '127.0.0.1';
  url.port = String(relay.port);
  const server = await startServer({ DATABASE_URL: url.href });
  try {
    assert.equal((await fetch(`${server.http}/readyz`)).status, 503);
    await relay.up();
    await eventually('the missing migrations are the reason', async () => {
      const response = await fetch(`${server.http}/readyz`);
      return response.status === 503 && String(((await response.json()) as Json)['reason']).startsWith('migrations are pending');
    });
    await empty.migrate();
    assert.equal((await fetch(`${server.http}/readyz`)).status, 200);
  } finally {
    await server.stop();
    await relay.down();
    await empty.drop();
  }
});

test('a password of any characters works in the URL and in ENV_FILE, for migrations and the server', async () => {
  const fresh = await makeDatabase({ password: NASTY });
  const envFile = join(directory.path, 'nasty.env');
  // The URL holds it percent-encoded; the other secret holds it raw, escaped as systemd reads it.
  const secret = `${NASTY} and more`;
  writeFileSync(envFile, `DATABASE_URL="${fresh.url}"\nJWT_SECRET="${secret.replace(/["\\$`]/g, '\\$&')}"\nLOG_LEVEL=debug\nHTTP_REQUIRE_AUTH=true\n`);
  try {
    const migrated = await run(join(PACKAGE, 'dist/migrate.js'), { ENV_FILE: envFile });
    assert.equal(migrated.code, 0, migrated.stderr);
    const server = await startServer({ ENV_FILE: envFile }, ['JWT_SECRET']);
    assert.equal((await fetch(`${server.http}/readyz`)).status, 200);
    const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${encode({ alg: 'HS256' })}.${encode({ sub: 'u' })}`;
    const signature = createHmac('sha256', secret).update(unsigned).digest('base64url');
    await httpSession(server.http, { Authorization: `Bearer ${unsigned}.${signature}` });
    await assert.rejects(httpSession(server.http), /401/);
    await server.stop();
    for (const text of [NASTY, encodeURIComponent(NASTY)]) assert.ok(!server.stderr().includes(text));
  } finally {
    await fresh.drop();
  }
});

test('a wrong password is told without it', async () => {
  const url = new URL(database.url);
  url.password = 'wrongpassword';
  const server = await startServer({ DATABASE_URL: url.href });
  const response = await fetch(`${server.http}/readyz`);
  assert.equal(response.status, 503);
  const text = await response.text();
  await server.stop();
  assert.match(text, /password authentication failed/);
  assert.ok(!`${text}${server.stderr()}`.includes('wrongpassword'));
});

test('the server starts through a symbolic link', async () => {
  const link = join(directory.path, 'current');
  symlinkSync(PACKAGE, link);
  const { code, stderr } = await run(join(link, 'dist/server.js'), {});
  // It ran: an empty environment is refused.
  assert.equal(code, 78);
  assert.match(stderr, /DATABASE_URL: required/);
});

test('TLS to the database: required, and verified when asked', async (context) => {
  const on = await asAdmin(async (client) => (await client.query<{ ssl: string }>('SHOW ssl')).rows[0]?.ssl === 'on');
  if (!on) {
    context.skip('the server of TEST_DATABASE_URL has ssl = off');
    return;
  }
  const ready = async (query: string, ssl: string): Promise<Json> => {
    const server = await startServer({ DATABASE_URL: `${database.url}${query}`, DATABASE_SSL: ssl });
    try {
      const answer = (await (await fetch(`${server.http}/readyz`)).json()) as Json;
      const rows = await database.query(
        "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND a.application_name LIKE 'aidis-mcp-server/%'",
      );
      return { ...answer, ssl: rows.some((row) => row['ssl'] === true) };
    } finally {
      await server.stop();
    }
  };
  assert.deepEqual((await ready('', 'false'))['ssl'], false);
  assert.deepEqual((await ready('', 'true'))['ssl'], true);
  assert.deepEqual((await ready('?sslmode=require', 'false'))['status'], 'ready');
  // Nobody's root: a certificate of the machine's own making is not accepted.
  assert.match(String((await ready('?sslmode=verify-full&sslrootcert=system', 'true'))['reason']), /certificate/);
});
