import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { VERSION } from '../src/version.js';
import { LineClient, makeReadyDatabase, SECRET, startServer, type Json, type RunningServer, type TestDatabase } from './support.js';

let database: TestDatabase;
let server: RunningServer;

before(async () => {
  database = await makeReadyDatabase();
  server = await startServer({ DATABASE_URL: database.url, ENABLE_CORS: 'true', ALLOWED_ORIGINS: 'http://localhost:3000, https://yourdomain.com' });
});
after(async () => {
  await server.stop();
  await database.drop();
});

const HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '0' } },
};

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.http}/mcp`, {
    method: 'POST',
    headers: { ...HEADERS, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function token(claims: Json, secret = SECRET, header: Json = { alg: 'HS256', typ: 'JWT' }): string {
  const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${encode(header)}.${encode(claims)}`;
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
}

async function withClient(headers: Record<string, string>, work: (client: Client, transport: StreamableHTTPClientTransport) => Promise<void>): Promise<void> {
  const transport = new StreamableHTTPClientTransport(new URL(`${server.http}/mcp`), { requestInit: { headers } });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport as Transport);
  try {
    await work(client, transport);
  } finally {
    await client.close();
  }
}

test("the SDK's client: initialize, list, call, a failing tool, an unknown tool, end of the session", async () => {
  await withClient({}, async (client, transport) => {
    assert.deepEqual(client.getServerVersion(), { name: 'aidis-mcp-server', version: VERSION });
    await client.ping();
    assert.equal((await client.listTools()).tools.length, 11);
    const created = await client.callTool({ name: 'session_new', arguments: { user: 'http' } });
    assert.equal((created.structuredContent as Json)['resolved_by'], 'system_default');
    const failed = await client.callTool({ name: 'session_status', arguments: { user: 'nobody' } });
    assert.equal(failed.isError, true);
    const invalid = await client.callTool({ name: 'project_create', arguments: { name: '' } });
    assert.equal(invalid.isError, true);
    await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), /-32602/);
    const id = transport.sessionId ?? '';
    assert.notEqual(id, '');
    await transport.terminateSession();
    assert.equal((await post({ jsonrpc: '2.0', id: 2, method: 'ping' }, { 'Mcp-Session-Id': id })).status, 404);
  });
});

test('several clients at once have sessions of their own', async () => {
  const ids = new Set<string | undefined>();
  await Promise.all(
    Array.from({ length: 5 }, () =>
      withClient({}, async (client, transport) => {
        ids.add(transport.sessionId);
        await Promise.all(Array.from({ length: 5 }, () => client.callTool({ name: 'ping', arguments: {} })));
      }),
    ),
  );
  assert.equal(ids.size, 5);
});

test('requests outside a session, unknown sessions, bad JSON, bodies too long', async () => {
  assert.equal((await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).status, 400);
  assert.equal((await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'Mcp-Session-Id': 'none' })).status, 404);
  const broken = await post('{"jsonrpc":');
  assert.equal(broken.status, 400);
  assert.equal(((await broken.json()) as { error: Json }).error['code'], -32700);
  assert.equal((await post(`"${'x'.repeat(1024 * 1024)}"`)).status, 413);
  assert.equal((await fetch(`${server.http}/mcp`)).status, 400);
  assert.equal((await fetch(`${server.http}/mcp`, { method: 'PUT' })).status, 400);
});

test('origins: those named are allowed, others refused, none is fine', async () => {
  const allowed = await post(INITIALIZE, { Origin: 'https://yourdomain.com' });
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://yourdomain.com');
  assert.equal(allowed.headers.get('access-control-expose-headers'), 'Mcp-Session-Id');
  assert.equal((await post(INITIALIZE, { Origin: 'https://elsewhere.example' })).status, 403);
  const preflight = await fetch(`${server.http}/mcp`, { method: 'OPTIONS', headers: { Origin: 'http://localhost:3000' } });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Mcp-Session-Id/);
  assert.equal((await post(INITIALIZE)).headers.get('access-control-allow-origin'), null);
});

test('a bearer token names the user, and must be right', async () => {
  const now = Math.floor(Date.now() / 1000);
  const authorization = `Bearer ${token({ sub: 'token user', exp: now + 60 })}`;
  await withClient({ Authorization: authorization }, async (client, transport) => {
    const made = await client.callTool({ name: 'session_new', arguments: {} });
    assert.equal(((made.structuredContent as Json)['session'] as Json)['user'], 'token user');
    const other = await client.callTool({ name: 'session_new', arguments: { user: 'somebody else' } });
    assert.equal(other.isError, true);
    const id = transport.sessionId ?? '';
    assert.equal((await post({ jsonrpc: '2.0', id: 2, method: 'ping' }, { 'Mcp-Session-Id': id })).status, 404);
  });
  for (const bad of [
    'x',
    'a.b.c',
    token({ sub: 'u' }, 'another secret of some length'),
    token({ sub: 'u', exp: now - 1 }),
    token({ sub: 'u', nbf: now + 60 }),
    token({}),
    token({ sub: 'u' }, SECRET, { alg: 'none' }),
  ]) {
    assert.equal((await post(INITIALIZE, { Authorization: `Bearer ${bad}` })).status, 401, bad);
  }
  assert.equal((await post(INITIALIZE, { Authorization: 'Basic eDp5' })).status, 401);
});

test('health, readiness, metrics, other paths', async () => {
  const health = await fetch(`${server.http}/healthz`);
  const body = (await health.json()) as Json;
  assert.deepEqual([health.status, body['status'], body['version']], [200, 'ok', VERSION]);
  const ready = await fetch(`${server.http}/readyz`);
  assert.deepEqual([ready.status, await ready.json()], [200, { status: 'ready', version: VERSION }]);
  assert.equal((await fetch(`${server.http}/healthz?x=1`, { method: 'HEAD' })).status, 200);
  assert.equal((await fetch(`${server.http}/healthz`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${server.http}/elsewhere`)).status, 404);
});

test('metrics are Prometheus text and count what happened', async () => {
  const client = await LineClient.connect(server.mcpPort);
  await client.call('session_new', { user: 'counted' });
  await client.refused('session_status', { user: 'nobody' });
  client.close();
  const response = await fetch(`${server.http}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of text.trimEnd().split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{([a-z]+="[^"]*",?)+\})? -?[0-9.e+-]+)$/);
  }
  for (const expected of [
    `aidis_build_info{version="${VERSION}",node="${process.versions.node}"} 1`,
    'aidis_requests_total{transport="lines",tool="session_new",status="ok"} 1',
    'aidis_requests_total{transport="lines",tool="session_status",status="error"} 1',
    'aidis_request_duration_seconds_count{transport="lines",tool="session_new"} 1',
    'aidis_project_assignments_total{level="user_primary",status="success"} 0',
    'aidis_database_up 1',
    'aidis_projects 1',
  ]) {
    assert.ok(text.includes(`\n${expected}\n`), expected);
  }
  for (const name of ['aidis_active_sessions', 'aidis_db_pool_waiting', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']) {
    assert.match(text, new RegExp(`^${name} \\d`, 'm'));
  }
});

test('what is not HTTP is answered 400 and harms nobody', async () => {
  for (const garbage of ['{"method":"project_list"}\n\n', '\x16\x03\x01\x02\x00\x01\x00', 'GET / HTTP/9.9\r\n\r\n']) {
    const text = await new Promise<string>((resolve, reject) => {
      const socket = createConnection({ port: server.httpPort, host: '127.0.0.1' });
      let got = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        resolve(got);
      });
      socket.write(garbage);
    });
    assert.match(text, /^HTTP\/1\.1 400 /);
  }
  assert.equal((await fetch(`${server.http}/healthz`)).status, 200);
});

test('more sessions than are kept: the one idle longest goes, new ones are opened', async () => {
  const first = (await post(INITIALIZE)).headers.get('mcp-session-id') ?? '';
  for (let i = 0; i < 20; i += 1) {
    const opened = await Promise.all(Array.from({ length: 50 }, () => post(INITIALIZE)));
    assert.ok(opened.every(({ status }) => status === 200));
  }
  assert.equal((await post({ jsonrpc: '2.0', id: 2, method: 'ping' }, { 'Mcp-Session-Id': first })).status, 404);
});
