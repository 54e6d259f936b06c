'use strict';

const http = require('node:http');
const { call, CallError } = require('./tools.js');
const built = require('./built.json');

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

async function status(pool, starts) {
  try {
    const { rows } = await pool.query('SELECT version FROM "Upkeep".schema_history ORDER BY applied_at DESC, version DESC LIMIT 1');
    return [200, { state: 'serving', database: { reachable: true, schema: rows[0]?.version ?? null }, starts, built }];
  } catch (error) {
    return [503, { state: 'waiting', database: { reachable: false, reason: error.message }, starts, built }];
  }
}

/** One POST a tool. A tool that fails is told by `success`, under HTTP 200: the status is that of the transport. */
async function called(offered, name, request) {
  try {
    const { input } = await body(request);
    return [200, { success: true, result: await call(offered, name, input) }];
  } catch (error) {
    if (!(error instanceof CallError || error instanceof SyntaxError)) console.error(error);
    return [200, { success: false, error: error.message }];
  }
}

/** GET /status and POST /call/TOOL; nothing else, so no /healthz and no /readyz. */
function pageServer(offered, pool, starts) {
  return http.createServer(async (request, response) => {
    let [code, document] = [404, { error: 'there is no such page' }];
    const tool = /^\/call\/(\w+)$/.exec(request.url);
    if (request.method === 'GET' && request.url === '/status') [code, document] = await status(pool, starts);
    if (request.method === 'POST' && tool) [code, document] = await called(offered, tool[1], request);
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(document)}\n`);
  });
}

module.exports = { pageServer };
