import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationError, loadEnvironment, parseDatabaseConfig, parseServerConfig } from '../src/config.js';
import { parseDatabaseUrl } from '../src/database-url.js';
import { PACKAGE, run, SECRET, temporaryDirectory } from './support.js';

const GOOD = { DATABASE_URL: 'postgresql://u:p@localhost/d', JWT_SECRET: SECRET };
const NASTY = `'"%\\ $@/:?#[]é`;

function problems(environment: Record<string, string>): readonly string[] {
  try {
    parseServerConfig(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

test('the values of the guide are the defaults', () => {
  const config = parseServerConfig(GOOD);
  assert.equal(config.DATABASE_MAX_CONNECTIONS, 20);
  assert.equal(config.SESSION_TIMEOUT, 28_800_000);
  assert.equal(config.MAX_CONCURRENT_SESSIONS, 10);
  assert.equal(config.MAX_PROJECTS_PER_USER, 50);
  assert.equal(config.MCP_PORT, 3001);
  assert.equal(config.HTTP_PORT, 8080);
  assert.equal(config.DEFAULT_PROJECT_ID, undefined);
});

test('an empty value is as good as none', () => {
  assert.equal(parseServerConfig({ ...GOOD, DEFAULT_PROJECT_ID: '', MCP_PORT: '', LOG_FILE: '' }).MCP_PORT, 3001);
});

test('every problem is told at once, by key', () => {
  const keys = problems({
    DATABASE_URL: 'mysql://u:p@h/d',
    DATABASE_SSL: 'maybe',
    DATABASE_MAX_CONNECTIONS: '0',
    SESSION_TIMEOUT: '1e9',
    DEFAULT_PROJECT_ID: 'your_system_project_id_here',
    LOG_LEVEL: 'loud',
    LOG_FILE: 'relative.log',
    ALLOWED_ORIGINS: 'https://good.example,bad.example/',
    JWT_SECRET: 'your_jwt_secret_here',
    MCP_PORT: '70000',
  }).map((problem) => problem.split(':')[0]);
  assert.deepEqual(
    [...new Set(keys)].sort(),
    [
      'ALLOWED_ORIGINS',
      'DATABASE_MAX_CONNECTIONS',
      'DATABASE_SSL',
      'DATABASE_URL',
      'DEFAULT_PROJECT_ID',
      'JWT_SECRET',
      'LOG_FILE',
      'LOG_LEVEL',
      'MCP_PORT',
      'SESSION_TIMEOUT',
    ],
  );
});

test('required keys are named', () => {
  assert.deepEqual(problems({}).map((problem) => problem.split(':')[0]), ['DATABASE_URL', 'JWT_SECRET']);
});

test('migrations need no more than the database', () => {
  assert.equal(parseDatabaseConfig({ DATABASE_URL: GOOD.DATABASE_URL }).database.description, 'u@localhost:5432/d');
});

test('ENV_FILE completes the process environment, which comes first', () => {
  const directory = temporaryDirectory();
  try {
    const path = join(directory.path, 'env');
    writeFileSync(path, "A=file\nexport B='file b'\n");
    assert.deepEqual(loadEnvironment({ ENV_FILE: path, A: 'process' }).values, { ENV_FILE: path, A: 'process', B: 'file b' });
    const missing = loadEnvironment({ ENV_FILE: join(directory.path, 'none'), A: 'process' });
    assert.match(missing.warning ?? '', /cannot be read \(ENOENT\)/);
    assert.equal(missing.values['A'], 'process');
  } finally {
    directory.remove();
  }
});

test('a URL may hold any password, percent-encoded', () => {
  const { connection, secrets } = parseDatabaseUrl(`postgresql://us%20er:${encodeURIComponent(NASTY)}@[::1]:5433/my%20db`, false);
  assert.equal(connection.password, NASTY);
  assert.deepEqual([connection.user, connection.host, connection.port, connection.database, connection.ssl], ['us er', '::1', 5433, 'my db', false]);
  assert.ok(secrets.includes(NASTY));
});

test('bad URLs are refused without their password', () => {
  for (const [url, expected] of [
    ['postgresql://u:hidden%zz@h/d', /percent-encoding/],
    ['postgresql://u:hidden@h/', /names no database/],
    ['postgresql://:hidden@h/d', /names no user/],
    ['postgresql://u:hidden@h/d?sslmode=prefer', /sslmode=prefer/],
    ['postgresql://u:hidden@h/d?sslmod=require', /unknown parameter sslmod/],
    ['postgresql://u:hidden@h/d?sslmode=verify-full&sslrootcert=/does/not/exist', /cannot read/],
    ['postgresql://u:hid den@h:port/d', /not a URL/],
  ] as const) {
    assert.throws(() => parseDatabaseUrl(url, false), (error: Error) => expected.test(error.message) && !/hid/.test(error.message), url);
  }
});

test('sslmode and DATABASE_SSL', () => {
  const ssl = (query: string, required = false): unknown => parseDatabaseUrl(`postgresql://u:p@h/d${query}`, required).connection.ssl;
  const verifies = (value: unknown): boolean => (value as { rejectUnauthorized: boolean }).rejectUnauthorized;
  assert.equal(ssl(''), false);
  assert.equal(verifies(ssl('', true)), false);
  assert.equal(verifies(ssl('?sslmode=require')), false);
  assert.equal(verifies(ssl('?sslmode=verify-full')), true);
  assert.equal(verifies(ssl('?sslmode=verify-ca&sslrootcert=system')), true);
  assert.throws(() => ssl('?sslmode=disable', true), /requires TLS/);
});

for (const program of ['server', 'migrate']) {
  test(`${program} ends with 78 and says what is wrong`, async () => {
    const { code, stderr, stdout } = await run(join(PACKAGE, 'dist', `${program}.js`), { DATABASE_URL: 'postgresql://u:hidden@h/', DATABASE_SSL: 'x' });
    assert.equal(code, 78);
    assert.match(stderr, /DATABASE_URL: names no database/);
    assert.match(stderr, /DATABASE_SSL: expected true or false/);
    if (program === 'server') assert.match(stderr, /^<3> {2}JWT_SECRET: required/m);
    assert.doesNotMatch(stderr + stdout, /hidden/);
  });
}

test('a log file that cannot be opened is a configuration error', async () => {
  const { code, stderr } = await run(join(PACKAGE, 'dist/server.js'), { ...GOOD, LOG_FILE: '/does/not/exist/production.log' });
  assert.equal(code, 78);
  assert.match(stderr, /LOG_FILE: cannot open/);
});
