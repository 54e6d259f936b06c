import pg from 'pg';
import type { DatabaseTarget } from './database-url.js';
import { SERVER_NAME, VERSION } from './version.js';

/** The database cannot be asked now; the same call may work later. */
export class DatabaseUnavailable extends Error {
  constructor(cause: Error) {
    super(`the database cannot be reached: ${cause.message}`, { cause });
  }
}

// SQLSTATE classes 08 (connection), 57P (shutdown, crash) and 53 (out of
// connections), and what the socket layer says.
const SQL_AWAY = /^(08|57P|53)/;
const SOCKET_AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENOENT']);
const TEXT_AWAY = /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout/;

function translate(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (SOCKET_AWAY.has(code) || (/^[0-9A-Z]{5}$/.test(code) && SQL_AWAY.test(code)))) {
    return new DatabaseUnavailable(error);
  }
  return TEXT_AWAY.test(error.message) ? new DatabaseUnavailable(error) : error;
}

export type Row = Record<string, unknown>;

export interface Queryable {
  query<T extends Row>(sql: string, values?: readonly unknown[]): Promise<T[]>;
}

export interface PoolStatistics {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** A pool that survives the loss of its server, with errors that say so. */
export class Database implements Queryable {
  private readonly pool: pg.Pool;

  constructor(target: DatabaseTarget, maxConnections: number, onIdleError: (error: Error) => void = () => undefined) {
    this.pool = new pg.Pool({
      ...target.connection,
      max: maxConnections,
      application_name: `${SERVER_NAME}/${VERSION}`,
      connectionTimeoutMillis: 5000,
      idleTimeoutMillis: 60_000,
      statement_timeout: 30_000,
      // Above statement_timeout: only a server that does not answer at all gets here.
      query_timeout: 35_000,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
    });
    // Without a listener a lost idle connection would end the process.
    this.pool.on('error', onIdleError);
  }

  async query<T extends Row>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    try {
      return (await this.pool.query<T>(sql, [...values])).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw translate(error);
    }
    // A connection lost between two queries of the transaction must not end the process.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let broken = false;
    try {
      await client.query('BEGIN');
      const result = await work({
        query: async <R extends Row>(sql: string, values: readonly unknown[] = []) =>
          (await client.query<R>(sql, [...values])).rows,
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {
        broken = true;
      });
      throw translate(error);
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  get statistics(): PoolStatistics {
    return { total: this.pool.totalCount, idle: this.pool.idleCount, waiting: this.pool.waitingCount };
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
