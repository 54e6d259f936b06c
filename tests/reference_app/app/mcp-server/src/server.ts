import { webcrypto } from 'node:crypto';
import { collectMetrics, discoverPatterns } from './analytics.js';
import {
  ConfigurationError,
  EXIT_CONFIGURATION,
  loadEnvironment,
  parseServerConfig,
  RELOADABLE,
  type ServerConfig,
} from './config.js';
import { Database } from './database.js';
import { HttpServer } from './http-server.js';
import { LineServer } from './line-server.js';
import { Log } from './log.js';
import { Metrics } from './metrics.js';
import { pendingMigrations, readMigrations } from './migrator.js';
import { Tools } from './tools.js';
import { VERSION } from './version.js';

// The SDK uses the Web Crypto global, which Node.js 18 does not define.
if (!('crypto' in globalThis)) Object.defineProperty(globalThis, 'crypto', { value: webcrypto });

const log = new Log();

function withTimeout<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} did not answer within ${ms} ms`));
    }, ms);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

function configureLog(config: ServerConfig): void {
  log.configure({ level: config.LOG_LEVEL, secrets: [...config.database.secrets, config.JWT_SECRET] });
}

function load(): ServerConfig {
  const { values, warning } = loadEnvironment(process.env);
  const config = parseServerConfig(values);
  configureLog(config);
  if (warning !== undefined) log.warn(warning);
  return config;
}

/** Work at intervals; a run that fails is told and does not end the row. */
class Schedule {
  private timers: NodeJS.Timeout[] = [];

  every(ms: number, what: string, work: () => Promise<unknown>): void {
    let running = false;
    const timer = setInterval(() => {
      if (running) return;
      running = true;
      work()
        .catch((error: unknown) => {
          log.warn(`${what} failed`, { error: error as Error });
        })
        .finally(() => {
          running = false;
        });
    }, ms);
    timer.unref();
    this.timers.push(timer);
  }

  clear(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
  }
}

async function main(): Promise<void> {
  let config = load();
  const settings = (): ServerConfig => config;
  try {
    log.open(config.LOG_FILE);
  } catch (error) {
    throw new ConfigurationError([`LOG_FILE: cannot open ${config.LOG_FILE ?? ''} (${(error as NodeJS.ErrnoException).code ?? 'error'})`]);
  }
  const migrations = readMigrations();
  const metrics = new Metrics();
  const db = new Database(config.database, config.DATABASE_MAX_CONNECTIONS, (error) => {
    log.warn('idle database connection lost', { error });
  });
  const tools = new Tools(db, settings, metrics, log);

  const readiness = async (): Promise<string | undefined> => {
    try {
      const pending = await withTimeout(
        pendingMigrations((sql) => db.query(sql), migrations),
        3000,
        'the database',
      );
      return pending.length === 0 ? undefined : `migrations are pending: ${pending.map(({ filename }) => filename).join(', ')}`;
    } catch (error) {
      log.warn('not ready', { error: error as Error });
      // Undefined table: the schema was never made.
      if ((error as { code?: unknown }).code === '42P01') return 'migrations are pending: all';
      return (error as Error).message;
    }
  };

  const metricsText = async (): Promise<string> => {
    const counts = await withTimeout(
      db.query<{ sessions: number; projects: number }>(
        `SELECT (SELECT count(*)::int FROM sessions WHERE status = 'active') AS sessions,
                (SELECT count(*)::int FROM projects WHERE status = 'active') AS projects`,
      ),
      3000,
      'the database',
    ).catch(() => []);
    return metrics.render({
      activeSessions: counts[0]?.sessions,
      activeProjects: counts[0]?.projects,
      databaseUp: counts.length > 0,
      pool: db.statistics,
      lineConnections: lines.connectionCount,
      httpSessions: http.sessionCount,
    });
  };

  const lines = new LineServer(tools, metrics, log, () => config.MCP_IDLE_TIMEOUT);
  const http = new HttpServer(tools, settings, { readiness, metricsText }, metrics, log);

  const schedule = new Schedule();
  const startSchedule = (): void => {
    schedule.clear();
    schedule.every(config.SESSION_PERSISTENCE_INTERVAL, 'session persistence', () => tools.sessions.expireIdle());
    if (!config.ENABLE_ANALYTICS) return;
    schedule.every(config.METRICS_COLLECTION_INTERVAL, 'metrics collection', () => collectMetrics(db, metrics, new Date()));
    if (config.PATTERN_DETECTION_ENABLED) {
      schedule.every(config.METRICS_COLLECTION_INTERVAL, 'pattern discovery', () => discoverPatterns(db));
    }
  };

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal });
    schedule.clear();
    const limit = setTimeout(() => {
      log.warn('requests did not end in time and were cut off', { ms: config.SHUTDOWN_TIMEOUT });
      lines.destroyAll();
      http.destroyAll();
    }, config.SHUTDOWN_TIMEOUT);
    await Promise.all([lines.stop(), http.stop()]);
    clearTimeout(limit);
    await withTimeout(tools.sessions.persist(), 3000, 'the database').catch((error: unknown) => {
      log.warn('session activity not written', { error: error as Error });
    });
    await withTimeout(db.close(), 2000, 'the pool').catch(() => undefined);
    metrics.close();
    log.info('stopped', { signal });
    // A query that was given up may still hold a socket open.
    process.exit(0);
  };

  const reload = (): void => {
    try {
      const next = load();
      const fixed = (Object.keys(next) as (keyof ServerConfig)[]).filter(
        (key) => key !== 'database' && !(RELOADABLE as readonly string[]).includes(key) && next[key] !== config[key],
      );
      if (JSON.stringify(next.database) !== JSON.stringify(config.database)) fixed.push('database');
      // Opened even when the path is the same: logrotate has moved the file away.
      log.open(next.LOG_FILE);
      const merged: Record<string, unknown> = { ...config };
      for (const key of RELOADABLE) merged[key] = next[key];
      config = merged as unknown as ServerConfig;
      configureLog(config);
      startSchedule();
      log.info('reloaded', { version: VERSION });
      if (fixed.length > 0) log.warn('changes that take a restart were not taken over', { keys: fixed });
    } catch (error) {
      configureLog(config);
      log.error('reload refused, the former configuration stays', { error: error as Error });
    }
  };

  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGHUP', reload);

  const httpPort = await http.listen(config.HTTP_PORT, config.HTTP_HOST);
  const mcpPort = await lines.listen(config.MCP_PORT, config.MCP_HOST);
  startSchedule();
  log.info('started', { version: VERSION, pid: process.pid, mcp_port: mcpPort, http_port: httpPort, database: config.database.description });
  // The database may be away now and come later; it is asked so that the log tells.
  const reason = await readiness();
  if (reason === undefined) log.info('ready');
  else log.warn('started, but not ready', { reason });
}

main().catch((error: unknown) => {
  if (error instanceof ConfigurationError) {
    process.stderr.write(error.message.split('\n').map((line) => `<3>${line}\n`).join(''));
    process.exit(EXIT_CONFIGURATION);
  }
  log.error('cannot start', { error: error as Error });
  process.exit(1);
});
