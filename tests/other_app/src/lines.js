'use strict';

const net = require('node:net');
const { call, CallError } = require('./tools.js');

const LONGEST = 1 << 20; // A line longer than this, in characters, is refused and ends the connection.

async function answer(offered, line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    return { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'not JSON' } };
  }
  const head = request?.jsonrpc === '2.0' ? { jsonrpc: '2.0', id: request.id ?? null } : {};
  try {
    if (typeof request?.method !== 'string') throw new CallError('no method');
    return { ...head, result: await call(offered, request.method, request.params) };
  } catch (error) {
    if (!(error instanceof CallError)) console.error(error);
    return { ...head, error: { code: error instanceof CallError ? -32602 : -32603, message: error.message } };
  }
}

/** Newline-delimited JSON: `{"method": TOOL, "params": INPUT}`, or the same as JSON-RPC 2.0. */
function lineServer(offered) {
  return net.createServer((socket) => {
    let rest = '';
    let turn = Promise.resolve(); // Answers leave in the order of their questions.
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      if (rest.length > LONGEST) socket.destroy();
      for (const line of lines.filter((one) => one.trim() !== '')) {
        turn = turn.then(async () => socket.write(`${JSON.stringify(await answer(offered, line))}\n`));
      }
    });
  });
}

module.exports = { lineServer };
