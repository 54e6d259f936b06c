'use strict';

// node tools/schema.js up: applies what ../schema holds and "Upkeep".schema_history does not record, each in a
// transaction of its own. The files are named by version, so their order is that of versions and not of letters:
// 1.10.0 comes after 1.9.0. That is what the development dependency is for.
const fs = require('node:fs');
const path = require('node:path');
const { compareVersions, validateStrict } = require('compare-versions');
const { Client } = require('pg');

const DIRECTORY = path.join(__dirname, '..', 'schema');
const LOCK = 741_955_206; // Of this program alone; a second one waits for the first.

async function apply(client, version) {
  await client.query('BEGIN');
  await client.query(fs.readFileSync(path.join(DIRECTORY, `${version}.sql`), 'utf8'));
  await client.query('INSERT INTO "Upkeep".schema_history (version) VALUES ($1)', [version]);
  await client.query('COMMIT');
  console.log(`applied ${version}`);
}

async function up() {
  const client = new Client();
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS "Upkeep";
      CREATE TABLE IF NOT EXISTS "Upkeep".schema_history (
        version text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    const { rows } = await client.query('SELECT version FROM "Upkeep".schema_history');
    const done = new Set(rows.map((row) => row.version));
    const there = fs.readdirSync(DIRECTORY).map((file) => path.basename(file, '.sql')).filter(validateStrict);
    for (const version of there.sort(compareVersions).filter((name) => !done.has(name))) await apply(client, version);
  } finally {
    await client.end();
  }
}

if (process.argv[2] !== 'up') {
  console.error('usage: node tools/schema.js up');
  process.exit(64);
}
up().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
