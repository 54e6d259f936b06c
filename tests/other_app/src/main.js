'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { once } = require('node:events');
const { Pool } = require('pg');
const { load } = require('./config.js');
const { lineServer } = require('./lines.js');
const { pageServer } = require('./pages.js');
const { tools } = require('./tools.js');

/** Count this start in the state directory, which outlives the process; returns the number. */
function countStart(directory) {
  const file = path.join(directory, 'starts');
  const starts = (fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0) + 1;
  fs.writeFileSync(`${file}.new`, `${starts}\n`);
  fs.renameSync(`${file}.new`, file);
  return starts;
}

async function main() {
  const config = load(process.env);
  const pool = new Pool({ max: 5, connectionTimeoutMillis: 5000 });
  pool.on('error', (error) => console.error(`an idle connection was lost: ${error.message}`));

  const starts = countStart(config.stateDirectory);
  const pidFile = path.join(config.runtimeDirectory, 'server.pid');
  fs.writeFileSync(pidFile, `${process.pid}\n`);

  const offered = tools(pool, config);
  const servers = [[lineServer(offered), config.lines], [pageServer(offered, pool, starts), config.health]];
  for (const [server, where] of servers) {
    server.listen(where);
    await once(server, 'listening');
  }
  console.log(`start ${starts}: lines on ${config.lines.port}, pages on ${config.health.port}`);

  process.once('SIGTERM', () => {
    for (const [server] of servers) server.close();
    fs.rmSync(pidFile, { force: true });
    // Clients may hold their connections open for ever; what is asked already has this long to be answered.
    setTimeout(() => process.exit(0), 1000).unref();
    pool.end();
  });
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
