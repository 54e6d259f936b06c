import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VERSION } from '../src/version.js';
import { LineClient, makeReadyDatabase, startServer, type Json, type RunningServer, type TestDatabase } from './support.js';

let database: TestDatabase;
let server: RunningServer;

before(async () => {
  database = await makeReadyDatabase();
  server = await startServer({ DATABASE_URL: database.url, MCP_IDLE_TIMEOUT: '700' });
});
after(async () => {
  await server.stop();
  await database.drop();
});

async function connected(work: (client: LineClient) => Promise<void>): Promise<void> {
  const client = await LineClient.connect(server.mcpPort);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

/** One request, one answer, on a connection of its own. */
async function ask(message: unknown): Promise<Json> {
  let answer: Json = {};
  await connected(async (client) => {
    answer = await client.ask(message);
  });
  return answer;
}

function errorOf(answer: unknown): [unknown, unknown] {
  const { id, error, jsonrpc } = answer as { id: unknown; jsonrpc: unknown; error: { code: unknown; message: unknown } };
  assert.equal(jsonrpc, '2.0');
  assert.equal(typeof error.message, 'string');
  return [error.code, id];
}

for (const [text, code, id] of [
  ['{"jsonrpc":"2.0","id":1,', -32700, null],
  ['GET / HTTP/1.1', -32700, null],
  ['[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc"', -32700, null],
  ['7', -32600, null],
  ['null', -32600, null],
  ['"ping"', -32600, null],
  ['[]', -32600, null],
  ['{}', -32600, null],
  ['{"method":"no_such_tool"}', -32600, null],
  ['{"foo":"boo"}', -32600, null],
  ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, 1],
  ['{"jsonrpc":"2.0","id":"a","method":1}', -32600, 'a'],
  ['{"jsonrpc":"2.0","id":2}', -32600, 2],
  ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, null],
  ['{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, null],
  ['{"jsonrpc":"2.0","id":3,"method":"ping","params":"x"}', -32600, 3],
  ['{"jsonrpc":"2.0","id":3,"method":"ping","params":null}', -32600, 3],
  ['{"jsonrpc":"2.0","id":4,"method":"no_such_method"}', -32601, 4],
  ['{"jsonrpc":"2.0","id":4.5,"method":"toString"}', -32601, 4.5],
  ['{"jsonrpc":"2.0","id":5,"method":"project_list","params":[1]}', -32602, 5],
  ['{"jsonrpc":"2.0","id":5,"method":"project_list","params":{"limit":"x"}}', -32602, 5],
  ['{"jsonrpc":"2.0","id":5,"method":"project_list","params":{"unknown":1}}', -32602, 5],
  ['{"jsonrpc":"2.0","id":6,"method":"initialize","params":{}}', -32602, 6],
  ['{"jsonrpc":"2.0","id":6,"method":"tools/call"}', -32602, 6],
  ['{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"no_such_tool"}}', -32602, 6],
  ['{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"ping","arguments":[]}}', -32602, 6],
  ['{"jsonrpc":"2.0","id":"","method":"session_status","params":{"user":"nobody"}}', -32000, ''],
] as const) {
  test(`${code} for ${text}`, async () => {
    assert.deepEqual(errorOf(await ask(text)), [code, id]);
  });
}

test('MCP: initialize, initialized, ping, tools/list, tools/call', async () => {
  await connected(async (client) => {
    const initialized = await client.ask({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 't', version: '0' } },
    });
    assert.deepEqual(initialized, {
      jsonrpc: '2.0',
      id: 0,
      result: { protocolVersion: '2025-03-26', capabilities: { tools: { listChanged: false } }, serverInfo: { name: 'aidis-mcp-server', version: VERSION } },
    });
    client.send('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    assert.deepEqual(await client.ask('{"jsonrpc":"2.0","id":null,"method":"ping"}'), { jsonrpc: '2.0', id: null, result: {} });
    const { tools } = await client.call('tools/list');
    const listed = tools as { name: string; inputSchema: { type: string; required?: string[] } }[];
    assert.ok(listed.every(({ inputSchema }) => inputSchema.type === 'object'));
    assert.deepEqual(
      Object.fromEntries(listed.map(({ name, inputSchema }) => [name, inputSchema.required ?? []])),
      {
        ping: [],
        project_list: [],
        project_create: ['name'],
        project_switch: ['project'],
        project_delete: ['project'],
        session_new: [],
        session_status: [],
        session_end: ['session_id'],
        context_store: ['content'],
        context_search: ['query'],
        context_delete: ['context_id'],
      },
    );
    const called = await client.call('tools/call', { name: 'ping', arguments: {}, _meta: { progressToken: 1 } });
    assert.equal((called['structuredContent'] as Json)['pong'], true);
    assert.deepEqual(JSON.parse((called['content'] as { text: string }[])[0]?.text ?? ''), called['structuredContent']);
    assert.equal('isError' in called, false);
  });
});

test('an unknown protocol version is answered with one the server speaks', async () => {
  const answer = await ask({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '1999-01-01' } });
  assert.match((answer['result'] as { protocolVersion: string }).protocolVersion, /^20\d\d-\d\d-\d\d$/);
});

test('a failing tool: isError by tools/call, an error by its own name', async () => {
  await connected(async (client) => {
    const result = await client.call('tools/call', { name: 'session_status', arguments: { user: 'nobody' } });
    assert.equal(result['isError'], true);
    assert.deepEqual(result['structuredContent'], { error: { code: 'not_found', message: 'user "nobody" has no active session' } });
    const invalid = await client.call('tools/call', { name: 'project_create', arguments: {} });
    assert.equal(invalid['isError'], true);
    assert.deepEqual((await client.refused('session_status', { user: 'nobody' })).data, { code: 'not_found' });
  });
});

test('the short form of the guide', async () => {
  await connected(async (client) => {
    const listed = await client.ask('{"method":"project_list"}');
    assert.equal(listed['method'], 'project_list');
    assert.ok(Array.isArray((listed['result'] as Json)['projects']));
    const session = await client.ask('{"method":"session_new","params":{"user":"short"}}');
    assert.equal((session['result'] as Json)['resolved_by'], 'system_default');
    const failed = await client.ask('{"method":"session_status","params":{"user":"nobody"},"id":9}');
    assert.deepEqual([failed['id'], (failed['error'] as Json)['code']], [9, -32000]);
    assert.equal(((await client.ask('{"method":"project_list","params":{"limit":0}}'))['error'] as Json)['code'], -32602);
    assert.equal(((await client.ask('{"method":"ping"}'))['result'] as Json)['pong'], true);
  });
});

test('notifications are obeyed and never answered, not even when wrong', async () => {
  await connected(async (client) => {
    client.send('{"jsonrpc":"2.0","method":"project_create","params":{"name":"by notification"}}\n');
    client.send('{"jsonrpc":"2.0","method":"no_such_method"}\n');
    client.send('{"jsonrpc":"2.0","method":"project_list","params":{"limit":0}}\n');
    client.send('{"jsonrpc":"2.0","id":1,"result":{}}\n');
    const answer = await client.ask({ jsonrpc: '2.0', id: 'only', method: 'project_list' });
    assert.equal(answer['id'], 'only');
    assert.ok(JSON.stringify(answer).includes('by notification'));
  });
});

test('a batch is answered by one array without its notifications', async () => {
  await connected(async (client) => {
    const answers = (await client.ask([
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      1,
      { jsonrpc: '2.0', id: 'x', method: 'no_such_method' },
      { jsonrpc: '2.0', id: 2, method: 'project_list' },
    ])) as unknown as Json[];
    assert.equal(answers.length, 4);
    assert.deepEqual(answers.map(({ id }) => id).sort(), [1, 2, null, 'x'].sort());
    assert.deepEqual(errorOf(answers.find(({ id }) => id === null)), [-32600, null]);
    // Only notifications: no line at all, so the next one is of the next request.
    client.send('[{"jsonrpc":"2.0","method":"notifications/initialized"}]\n');
    assert.equal((await client.ask({ jsonrpc: '2.0', id: 3, method: 'ping' }))['id'], 3);
    assert.deepEqual(errorOf(await client.ask(Array.from({ length: 101 }, (_v, id) => ({ jsonrpc: '2.0', id, method: 'ping' })))), [-32600, null]);
  });
});

test('pipelined requests are answered in their order', async () => {
  await connected(async (client) => {
    const ids = Array.from({ length: 200 }, (_v, i) => i);
    client.send(ids.map((id) => `${JSON.stringify({ jsonrpc: '2.0', id, method: id % 2 === 0 ? 'ping' : 'project_list' })}\n`).join(''));
    for (const id of ids) assert.equal(((await client.answer()) as Json)['id'], id);
  });
});

test('lines in pieces, CRLF, empty lines', async () => {
  await connected(async (client) => {
    for (const piece of ['\r\n\n{"jsonrpc":"2.0",', '"id":1,"meth', 'od":"ping"}\r', '\n']) {
      client.send(piece);
      await sleep(20);
    }
    assert.equal(((await client.answer()) as Json)['id'], 1);
  });
});

test('UTF-8 split within a character, and bytes that are not UTF-8', async () => {
  await connected(async (client) => {
    const name = 'Größe 漢字 🦩';
    const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'project_create', params: { name } })}\n`);
    for (const byte of bytes) {
      client.send(Buffer.from([byte]));
      if (byte > 0x7f) await sleep(2);
    }
    const answer = (await client.answer()) as { result: { project: Json } };
    assert.equal(answer.result.project['name'], name);
    client.send(Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a]));
    assert.deepEqual(errorOf(await client.answer()), [-32700, null]);
    assert.equal((await client.ask('{"jsonrpc":"2.0","id":2,"method":"ping"}'))['id'], 2);
  });
});

test('a last line without its end is answered when the client closes its side', async () => {
  await connected(async (client) => {
    client.socket.end('{"method":"project_list"}');
    assert.ok('result' in ((await client.answer()) as Json));
    assert.equal(await client.line(), undefined);
  });
});

test('a line just within the limit is taken, a longer one refused and the connection closed', async () => {
  await connected(async (client) => {
    const frame = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { pad: '' } });
    client.send(`${frame.replace('""', `"${'x'.repeat(1024 * 1024 - frame.length)}"`)}\n`);
    assert.equal(((await client.answer()) as Json)['id'], 1);
    // No line end comes: the limit must not wait for one.
    client.send('y'.repeat(1024 * 1024 + 1));
    assert.deepEqual(errorOf(await client.answer()), [-32600, null]);
    assert.equal(await client.line(), undefined);
  });
});

test('an idle connection is closed', async () => {
  await connected(async (client) => {
    const start = Date.now();
    assert.equal(await client.line(), undefined);
    assert.ok(Date.now() - start >= 600);
  });
});

test('binary garbage and connections broken off harm nobody', async () => {
  await Promise.all(
    Array.from({ length: 20 }, async (_v, i) => {
      const client = await LineClient.connect(server.mcpPort);
      client.send(Buffer.from(Array.from({ length: 500 }, (_w, j) => (i * 31 + j * 17) % 256)));
      client.send('\n{"jsonrpc":"2.0","id":1,"method":"project_list"}\n');
      client.close();
    }),
  );
  assert.ok('result' in (await ask('{"method":"project_list"}')));
  assert.equal(server.child.exitCode, null);
});
