import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineClient, makeReadyDatabase, startServer, type Json } from './support.js';

test('contexts are weighed, and those of little weight can be left out', async () => {
  const database = await makeReadyDatabase();
  const server = await startServer({ DATABASE_URL: database.url });
  const client = await LineClient.connect(server.mcpPort);
  try {
    const stored = await client.call('context_store', { content: 'rain on the roof', importance: 5 });
    assert.equal((stored['context'] as Json)['importance'], 5);
    assert.equal(((await client.call('context_store', { content: 'rain on the road' }))['context'] as Json)['importance'], 3);
    const found = async (min_importance: number): Promise<unknown[]> =>
      ((await client.call('context_search', { query: 'rain', min_importance }))['results'] as Json[]).map((row) => row['importance']).sort();
    assert.deepEqual(await found(1), [3, 5]);
    assert.deepEqual(await found(4), [5]);
    assert.equal((await client.refused('context_store', { content: 'x', importance: 6 })).code, -32602);
  } finally {
    client.close();
    await server.stop();
    await database.drop();
  }
});
