import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Found from this file's real place, so that any working directory or link will do. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../migrations/', import.meta.url));

// One lock per database for all runners; the number is arbitrary, but for ever.
const LOCK_KEY = 7_015_001;

export interface Migration {
  readonly filename: string;
  readonly sql: string;
  readonly checksum: string;
}

export class MigrationError extends Error {}

export function readMigrations(directory: string = MIGRATIONS_DIRECTORY): Migration[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.sql')).sort();
  if (files.length === 0) throw new MigrationError(`no migrations in ${directory}`);
  const numbers = new Map<string, string>();
  return files.map((filename) => {
    const number = /^(\d{3})_[a-z0-9_]+\.sql$/.exec(filename)?.[1];
    if (number === undefined) throw new MigrationError(`${filename}: expected a name like 001_what_it_does.sql`);
    const other = numbers.get(number);
    if (other !== undefined) throw new MigrationError(`${filename} and ${other} have the same number`);
    numbers.set(number, filename);
    const sql = readFileSync(`${directory}/${filename}`, 'utf8').replaceAll('\r\n', '\n');
    // The runner owns the transaction: a COMMIT inside would leave half of a
    // failing migration applied.
    const control = /^\s*(COMMIT|ROLLBACK|BEGIN\s*;|BEGIN\s+(WORK|TRANSACTION)|START\s+TRANSACTION|END\s+TRANSACTION)\b/im.exec(sql);
    if (control !== null) throw new MigrationError(`${filename}: ${control[0].trim()} is not allowed, each migration is one transaction`);
    return { filename, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

/** What is not applied yet; a changed or renamed applied one is an error. */
export async function pendingMigrations(
  query: (sql: string) => Promise<{ filename: string; checksum: string }[]>,
  migrations: readonly Migration[],
): Promise<Migration[]> {
  const applied = new Map<string, string>();
  for (const row of await query('SELECT filename, checksum FROM migrations ORDER BY id')) {
    applied.set(row.filename, row.checksum);
  }
  for (const { filename, checksum } of migrations) {
    const before = applied.get(filename);
    if (before !== undefined && before !== checksum) {
      throw new MigrationError(
        `${filename} was changed after it was applied (checksum ${checksum.slice(0, 12)}, applied ${before.slice(0, 12)}); write a new migration instead`,
      );
    }
  }
  return migrations.filter(({ filename }) => !applied.has(filename));
}

function describe(error: unknown, sql: string): string {
  if (!(error instanceof Error)) return String(error);
  const { position, detail, hint, code } = error as { position?: string; detail?: string; hint?: string; code?: string };
  let text = error.message;
  if (position !== undefined) text += ` (line ${sql.slice(0, Number(position) - 1).split('\n').length})`;
  if (code !== undefined) text += ` [${code}]`;
  if (detail !== undefined) text += `\n  detail: ${detail}`;
  if (hint !== undefined) text += `\n  hint: ${hint}`;
  return text;
}

export interface MigrateOptions {
  readonly migrations?: readonly Migration[];
  /** How long to wait for another runner. */
  readonly lockTimeoutMs?: number;
  /** Only say what would be applied. */
  readonly dryRun?: boolean;
  readonly print?: (line: string) => void;
}

/**
 * Applies what is pending, each migration in one transaction together with its
 * row in `migrations`, one runner at a time.
 *
 * @returns names of the migrations applied (with dryRun: pending)
 */
export async function migrate(connection: pg.ClientConfig, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = options.migrations ?? readMigrations();
  const print = options.print ?? ((): void => undefined);
  const client = new pg.Client({ ...connection, application_name: 'aidis-migrate', connectionTimeoutMillis: 10_000 });
  // A lost connection is reported by the query that needed it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const hasTable = async (): Promise<boolean> =>
      (await client.query<{ found: boolean }>("SELECT to_regclass('migrations') IS NOT NULL AS found")).rows[0]?.found ?? false;
    const pending = async (): Promise<Migration[]> =>
      (await hasTable())
        ? pendingMigrations(async (sql) => (await client.query<{ filename: string; checksum: string }>(sql)).rows, migrations)
        : [...migrations];

    if (options.dryRun === true) {
      const names = (await pending()).map(({ filename }) => filename);
      for (const name of names) print(`pending ${name}`);
      print(names.length === 0 ? 'nothing is pending' : `${names.length} pending`);
      return names;
    }

    const deadline = Date.now() + (options.lockTimeoutMs ?? 60_000);
    const tryLock = async (): Promise<boolean> =>
      (await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [LOCK_KEY])).rows[0]?.locked ?? false;
    for (let told = false; !(await tryLock()); ) {
      if (Date.now() > deadline) throw new MigrationError('another migration run holds the lock; nothing was done');
      if (!told) print('waiting for another migration run to end');
      told = true;
      await sleep(100);
    }

    // Only when it is missing: CREATE IF NOT EXISTS asks for the right to create even when it has nothing to do.
    if (!(await hasTable())) {
      await client.query(`CREATE TABLE migrations (
        id         serial      PRIMARY KEY,
        filename   text        NOT NULL UNIQUE,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`);
    }
    const todo = await pending();
    for (const { filename, sql, checksum } of todo) {
      const start = process.hrtime.bigint();
      try {
        await client.query('BEGIN');
        await client.query(sql);
        await client.query('INSERT INTO migrations (filename, checksum) VALUES ($1, $2)', [filename, checksum]);
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw new MigrationError(`${filename} failed and was undone: ${describe(error, sql)}`);
      }
      print(`applied ${filename} (${Math.round(Number(process.hrtime.bigint() - start) / 1e6)} ms)`);
    }
    print(
      todo.length === 0
        ? `nothing to do: all ${migrations.length} migrations are applied`
        : `applied ${todo.length} of ${migrations.length} migrations`,
    );
    return todo.map(({ filename }) => filename);
  } finally {
    // Ends the session and with it the lock.
    await client.end().catch(() => undefined);
  }
}
