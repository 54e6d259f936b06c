import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrate, type MigrateOptions } from '../src/migrator.js';

export const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
export const SECRET = 'a-secret-of-the-test-suite';

export type Json = Record<string, unknown>;

/** Environment of children: nothing of the caller's that the server would read. */
export function environment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = process.env;
  return { PATH, HOME, ...extra };
}

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'aidis-test-'));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

// ------------------------------------------------------------------ databases

function adminUrl(): URL {
  const text = process.env['TEST_DATABASE_URL'];
  if (text === undefined || text === '') throw new Error('TEST_DATABASE_URL must name a superuser of a PostgreSQL server with pgvector');
  return new URL(text);
}

export function connectionOf(url: string): pg.ClientConfig {
  const parsed = new URL(url);
  return {
    host: decodeURIComponent(parsed.hostname),
    port: Number(parsed.port === '' ? '5432' : parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database: parsed.pathname.slice(1),
  };
}

export async function asAdmin<T>(work: (client: pg.Client) => Promise<T>, database?: string): Promise<T> {
  const url = adminUrl();
  if (database !== undefined) url.pathname = `/${database}`;
  const client = new pg.Client(connectionOf(url.href));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export interface TestDatabase {
  readonly name: string;
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** Of an ordinary role that owns the database, as in production. */
  readonly url: string;
  query(sql: string, values?: unknown[]): Promise<Json[]>;
  migrate(options?: MigrateOptions): Promise<string[]>;
  drop(): Promise<void>;
}

export interface DatabaseOptions {
  readonly password?: string;
  readonly extensions?: readonly string[];
}

export async function makeDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const name = `aidis_test_${randomBytes(6).toString('hex')}`;
  const password = options.password ?? randomBytes(12).toString('hex');
  const admin = adminUrl();
  await asAdmin(async (client) => {
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
  });
  await asAdmin(async (client) => {
    for (const extension of options.extensions ?? ['uuid-ossp', 'vector', 'pg_trgm']) {
      await client.query(`CREATE EXTENSION ${client.escapeIdentifier(extension)}`);
    }
  }, name);
  const port = Number(admin.port === '' ? '5432' : admin.port);
  const url = `postgresql://${name}:${encodeURIComponent(password)}@${admin.hostname}:${port}/${name}`;
  const pool = new pg.Pool({ ...connectionOf(url), max: 4 });
  pool.on('error', () => undefined);
  return {
    name,
    user: name,
    host: admin.hostname,
    port,
    password,
    url,
    query: async (sql, values = []) => (await pool.query<Json>(sql, values)).rows,
    migrate: (migrateOptions) => migrate(connectionOf(url), migrateOptions),
    drop: async () => {
      await pool.end();
      await asAdmin(async (client) => {
        await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
        await client.query(`DROP ROLE ${name}`);
      });
    },
  };
}

/** Migrated, and with the system default project, as a deployment leaves it. */
export async function makeReadyDatabase(options: DatabaseOptions = {}): Promise<TestDatabase & { systemProject: string }> {
  const database = await makeDatabase(options);
  await database.migrate();
  const [row] = await database.query("INSERT INTO projects (name, description) VALUES ('System Default', 'of the tests') RETURNING id");
  return { ...database, systemProject: String(row?.['id']) };
}

// ------------------------------------------------------------------ processes

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of dist/ to its end. */
export function run(program: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

export interface RunningServer {
  readonly child: ChildProcess;
  readonly mcpPort: number;
  readonly httpPort: number;
  readonly http: string;
  stderr(): string;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const DEFAULTS = {
  JWT_SECRET: SECRET,
  MCP_PORT: '0',
  HTTP_PORT: '0',
  MCP_HOST: '127.0.0.1',
  HTTP_HOST: '127.0.0.1',
  ENABLE_ANALYTICS: 'false',
};

const running = new Set<ChildProcess>();
// A test that fails before it has stopped its server must not keep the run alive.
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts dist/server.js on free ports; they are read from its log on stderr. */
export async function startServer(env: Readonly<Record<string, string>>, without: readonly string[] = []): Promise<RunningServer> {
  const child = spawn(process.execPath, [join(PACKAGE, 'dist/server.js')], {
    env: Object.fromEntries(Object.entries(environment({ ...DEFAULTS, ...env })).filter(([key]) => !without.includes(key))),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  running.add(child);
  child.on('close', () => running.delete(child));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  const started = await new Promise<Json>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      for (const line of stderr.split('\n')) {
        if (line.startsWith('<6>') && line.includes('"message":"started"')) resolve(JSON.parse(line.slice(3)) as Json);
      }
    });
    void ended.then(({ code }) => {
      reject(new Error(`the server ended with ${code ?? 'a signal'}: ${stderr}`));
    });
  });
  const httpPort = Number(started['http_port']);
  return {
    child,
    mcpPort: Number(started['mcp_port']),
    httpPort,
    http: `http://127.0.0.1:${httpPort}`,
    stderr: () => stderr,
    ended: () => ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

export async function eventually(what: string, condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not happen within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

// -------------------------------------------------------------------- clients

/** A raw connection: bytes out, lines in. */
export class LineClient {
  readonly socket: Socket;
  private text = '';
  private readonly lines: string[] = [];
  private waiting: (() => void)[] = [];
  private nextId = 1;
  closed = false;

  private constructor(port: number) {
    this.socket = createConnection({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk: string) => {
      const parts = (this.text + chunk).split('\n');
      this.text = parts.pop() ?? '';
      this.lines.push(...parts);
      this.wake();
    });
    this.socket.on('error', () => undefined);
    const close = (): void => {
      this.closed = true;
      this.wake();
    };
    this.socket.on('end', close);
    this.socket.on('close', close);
  }

  static async connect(port: number): Promise<LineClient> {
    const client = new LineClient(port);
    await new Promise<void>((resolve, reject) => {
      client.socket.once('connect', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const go of waiting) go();
  }

  send(data: string | Buffer): void {
    this.socket.write(data);
  }

  /** The next line answered, or undefined when the server has closed. */
  async line(ms = 5000): Promise<string | undefined> {
    const deadline = Date.now() + ms;
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined || this.closed) return line;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error('no line came'));
        }, Math.max(1, deadline - Date.now()));
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async answer(): Promise<unknown> {
    const line = await this.line();
    if (line === undefined) throw new Error('the server closed the connection');
    return JSON.parse(line);
  }

  async ask(message: unknown): Promise<Json> {
    this.send(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
    return (await this.answer()) as Json;
  }

  /** A tool as a method of its own. */
  async call(method: string, params: Json = {}): Promise<Json> {
    const answer = await this.ask({ jsonrpc: '2.0', id: this.nextId++, method, params });
    if (answer['error'] !== undefined) throw new Error(JSON.stringify(answer['error']));
    return answer['result'] as Json;
  }

  /** @returns code and message of the error that the call must give */
  async refused(method: string, params: Json = {}): Promise<{ code: number; message: string; data?: Json }> {
    const answer = await this.ask({ jsonrpc: '2.0', id: this.nextId++, method, params });
    if (answer['error'] === undefined) throw new Error(`${method} was not refused: ${JSON.stringify(answer['result'])}`);
    return answer['error'] as { code: number; message: string; data?: Json };
  }

  close(): void {
    this.socket.destroy();
  }
}
