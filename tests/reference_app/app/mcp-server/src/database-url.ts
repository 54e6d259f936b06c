import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import type { PoolConfig } from 'pg';

export interface DatabaseTarget {
  /** What pg needs to connect. */
  readonly connection: PoolConfig;
  /** Safe to print: user, host, port and database, no password. */
  readonly description: string;
  /** Both spellings of the password, for the log's redaction. */
  readonly secrets: readonly string[];
}

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

function isSslMode(value: string): value is SslMode {
  return (SSL_MODES as readonly string[]).includes(value);
}

function decode(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`the ${what} is not valid percent-encoding (a literal % is written %25)`);
  }
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${what}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

/**
 * Reads a postgresql:// URL with libpq's meaning of sslmode: `require` encrypts
 * without looking at the certificate (unless sslrootcert is given), `verify-ca`
 * checks its chain, `verify-full` the host name too. `allow` and `prefer` mean
 * "perhaps", which this client cannot do, so they are refused.
 *
 * @throws Error with a message that never holds the password
 */
export function parseDatabaseUrl(text: string, requireTls: boolean): DatabaseTarget {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('is not a URL; expected postgresql://user:password@host:port/database, each part percent-encoded');
  }
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') {
    throw new Error('must start with postgresql://');
  }
  const user = decode(url.username, 'user');
  const password = decode(url.password, 'password');
  const database = decode(url.pathname.replace(/^\//, ''), 'database name');
  const host = url.searchParams.get('host') ?? decode(url.hostname, 'host').replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port === '' ? (url.searchParams.get('port') ?? '5432') : url.port);
  if (user === '') throw new Error('names no user');
  if (database === '') throw new Error('names no database');
  if (host === '') throw new Error('names no host (a socket directory is given as ?host=/run/postgresql)');
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error('has a port that is not one');

  const known = new Set(['host', 'port', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'application_name']);
  for (const name of url.searchParams.keys()) {
    if (!known.has(name)) throw new Error(`has an unknown parameter ${name}`);
  }
  const named = url.searchParams.get('sslmode');
  const mode = named ?? (requireTls ? 'require' : 'disable');
  if (!isSslMode(mode)) {
    throw new Error(`has sslmode=${mode}; expected one of ${SSL_MODES.join(', ')}`);
  }
  if (mode === 'disable' && requireTls) {
    throw new Error('says sslmode=disable, but DATABASE_SSL=true requires TLS');
  }

  const connection: PoolConfig = { user, password, database, host, port };
  if (mode === 'disable') connection.ssl = false;
  else {
    const rootCert = url.searchParams.get('sslrootcert');
    const verify = mode !== 'require' || rootCert !== null;
    const ssl: ConnectionOptions = {
      rejectUnauthorized: verify,
      // Named explicitly: for an address the TLS layer would otherwise compare
      // the certificate with "localhost".
      checkServerIdentity: (_name, certificate) =>
        mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
    };
    if (rootCert !== null && rootCert !== 'system') ssl.ca = readPem(rootCert, 'sslrootcert');
    const cert = url.searchParams.get('sslcert');
    const key = url.searchParams.get('sslkey');
    if (cert !== null) ssl.cert = readPem(cert, 'sslcert');
    if (key !== null) ssl.key = readPem(key, 'sslkey');
    connection.ssl = ssl;
  }
  return {
    connection,
    description: `${user}@${host}:${port}/${database}`,
    secrets: [...new Set([password, url.password])].filter((secret) => secret !== ''),
  };
}
