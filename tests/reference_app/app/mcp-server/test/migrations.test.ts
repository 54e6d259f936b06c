import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { migrate, MigrationError, MIGRATIONS_DIRECTORY, readMigrations, type Migration } from '../src/migrator.js';
import { connectionOf, makeDatabase, PACKAGE, run, temporaryDirectory, type TestDatabase } from './support.js';

const ALL = readMigrations();

let directory: ReturnType<typeof temporaryDirectory>;
before(() => {
  directory = temporaryDirectory();
});
after(() => {
  directory.remove();
});

async function withDatabase(work: (database: TestDatabase) => Promise<void>, extensions?: readonly string[]): Promise<void> {
  const database = await makeDatabase(extensions === undefined ? {} : { extensions });
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

/** The release's migrations and more, as files. */
function withMore(name: string, more: Readonly<Record<string, string>>): Migration[] {
  const path = join(directory.path, name);
  mkdirSync(path);
  cpSync(MIGRATIONS_DIRECTORY, path, { recursive: true });
  for (const [file, sql] of Object.entries(more)) writeFileSync(join(path, file), sql);
  return readMigrations(path);
}

async function tables(database: TestDatabase): Promise<unknown[]> {
  const rows = await database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename");
  return rows.map((row) => row['tablename']);
}

test('a fresh database gets the nine tables and indexes of the guide; a second run does nothing', async () => {
  await withDatabase(async (database) => {
    const said: string[] = [];
    assert.deepEqual(await database.migrate({ print: (line) => said.push(line) }), ALL.map(({ filename }) => filename));
    assert.equal(said.filter((line) => line.startsWith('applied 0')).length, ALL.length);
    assert.deepEqual(await tables(database), [
      'code_analysis_sessions',
      'complexity_analysis_sessions',
      'contexts',
      'event_log',
      'metrics_collection_sessions',
      'migrations',
      'pattern_discovery_sessions',
      'projects',
      'sessions',
    ]);
    const [indexes] = await database.query(
      "SELECT count(*)::int AS n FROM pg_indexes WHERE indexname ~ '^idx_(projects_(name|status|created_at)|sessions_(project_id|agent_type|started_at)|contexts_(project_id|session_id|type))$'",
    );
    assert.equal(indexes?.['n'], 9);
    const rows = await database.query('SELECT * FROM migrations ORDER BY id');
    assert.deepEqual(rows.map((row) => [row['id'], row['filename'], row['checksum']]), ALL.map(({ filename, checksum }, i) => [i + 1, filename, checksum]));
    assert.deepEqual(await database.migrate(), []);
    assert.deepEqual(await database.query('SELECT * FROM migrations ORDER BY id'), rows);
  });
});

test("the guide's INSERT of the system project works, but for its ON CONFLICT", async () => {
  await withDatabase(async (database) => {
    await database.migrate();
    const insert = "INSERT INTO projects (id, name, description, status) VALUES (gen_random_uuid(), 'System Default', 'Default', 'active')";
    await database.query(insert);
    await database.query(insert);
    await assert.rejects(database.query(`${insert} ON CONFLICT (name) DO NOTHING`), /no unique or exclusion constraint/);
  });
});

test('missing extensions are all named, and nothing is left', async () => {
  await withDatabase(async (database) => {
    await assert.rejects(database.migrate(), (error: Error) => {
      assert.match(error.message, /001_projects\.sql failed and was undone: missing extensions .*: "pg_trgm", "vector"/);
      assert.match(error.message, /hint: a superuser must run CREATE EXTENSION/);
      return error instanceof MigrationError;
    });
    assert.deepEqual(await tables(database), ['migrations']);
  }, ['uuid-ossp']);
});

test('a migration that fails half way leaves nothing of itself, and those before it stay', async () => {
  await withDatabase(async (database) => {
    const migrations = withMore('fails', {
      '101_good.sql': 'CREATE TABLE good (id int);',
      '102_bad.sql': 'CREATE TABLE half (id int);\nALTER TABLE projects ADD COLUMN half int;\nCREATE INDEX nowhere ON half (ident);\nCREATE TABLE never (id int);',
      '103_after.sql': 'CREATE TABLE after (id int);',
    });
    await assert.rejects(database.migrate({ migrations }), /102_bad\.sql failed and was undone: column "ident" does not exist.* \[42703\]/);
    const found = await tables(database);
    assert.ok(found.includes('good'));
    for (const name of ['half', 'never', 'after']) assert.ok(!found.includes(name), name);
    assert.deepEqual(await database.query("SELECT 1 FROM information_schema.columns WHERE table_name = 'projects' AND column_name = 'half'"), []);
    const rows = await database.query('SELECT filename FROM migrations ORDER BY id');
    assert.deepEqual(rows.map((row) => row['filename']), [...ALL.map(({ filename }) => filename), '101_good.sql']);
  });
});

test('the line of a syntax error is told', async () => {
  await withDatabase(async (database) => {
    const migrations = withMore('syntax', { '101_bad.sql': '-- one\nSELECT 1;\nCREATE TABEL x (id int);\n' });
    await assert.rejects(database.migrate({ migrations }), /syntax error at or near "TABEL" \(line 3\)/);
  });
});

test('a migration changed after it was applied is refused', async () => {
  await withDatabase(async (database) => {
    await database.migrate();
    const changed = ALL.map((migration, i) => (i === 1 ? { ...migration, checksum: 'f'.repeat(64) } : migration));
    const before = await database.query('SELECT * FROM migrations ORDER BY id');
    await assert.rejects(database.migrate({ migrations: changed }), /002_sessions\.sql was changed after it was applied/);
    assert.deepEqual(await database.query('SELECT * FROM migrations ORDER BY id'), before);
  });
});

test('an older release on a newer schema does nothing', async () => {
  await withDatabase(async (database) => {
    await database.migrate();
    assert.deepEqual(await database.migrate({ migrations: ALL.slice(0, -1) }), []);
  });
});

test('runners at the same time apply each migration once', async () => {
  await withDatabase(async (database) => {
    const results = await Promise.all(Array.from({ length: 5 }, () => database.migrate()));
    assert.equal(results.flat().length, ALL.length);
    assert.equal(results.filter((applied) => applied.length > 0).length, 1);
    const [row] = await database.query('SELECT count(*)::int AS n FROM migrations');
    assert.equal(row?.['n'], ALL.length);
  });
});

test('a lock that is not given up is waited for, but not for ever', async () => {
  await withDatabase(async (database) => {
    const holder = new pg.Client(connectionOf(database.url));
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(7015001)');
    const said: string[] = [];
    await assert.rejects(migrate(connectionOf(database.url), { lockTimeoutMs: 300, print: (line) => said.push(line) }), /another migration run holds the lock/);
    assert.deepEqual(said, ['waiting for another migration run to end']);
    assert.deepEqual(await tables(database), []);
    await holder.end();
  });
});

test('a dry run says what is pending and changes nothing', async () => {
  await withDatabase(async (database) => {
    assert.equal((await database.migrate({ dryRun: true })).length, ALL.length);
    assert.deepEqual(await tables(database), []);
    await database.migrate();
    assert.deepEqual(await database.migrate({ dryRun: true }), []);
  });
});

test('bad sets of files are refused', () => {
  assert.throws(() => withMore('name', { '7_short.sql': 'SELECT 1;' }), /expected a name like/);
  assert.throws(() => withMore('twice', { '001_again.sql': 'SELECT 1;' }), /the same number/);
  assert.throws(() => withMore('commit', { '101_commit.sql': 'SELECT 1;\n  commit;\n' }), /COMMIT is not allowed/i);
  const empty = join(directory.path, 'empty');
  mkdirSync(empty);
  assert.throws(() => readMigrations(empty), /no migrations/);
});

test('the command works through a symbolic link, and again', async () => {
  await withDatabase(async (database) => {
    const link = join(directory.path, 'current');
    symlinkSync(PACKAGE, link);
    const program = join(link, 'dist/migrate.js');
    const first = await run(program, { DATABASE_URL: database.url });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, new RegExp(`^applied ${ALL.length} of ${ALL.length} migrations$`, 'm'));
    assert.ok((await tables(database)).includes('event_log'));
    const second = await run(program, { DATABASE_URL: database.url });
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /^nothing to do: all \d+ migrations are applied$/m);
  });
});

test('the command fails when the database cannot be reached or used, without telling the password', async () => {
  const program = join(PACKAGE, 'dist/migrate.js');
  const away = await run(program, { DATABASE_URL: 'postgresql://u:hidden@127.0.0.1:1/d' });
  assert.equal(away.code, 1);
  assert.match(away.stderr, /ECONNREFUSED/);
  assert.doesNotMatch(away.stdout + away.stderr, /hidden/);
  assert.equal((await run(program, {}, ['--wrong'])).code, 64);
});
