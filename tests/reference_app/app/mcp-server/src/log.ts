import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];
export type Fields = Readonly<Record<string, unknown>>;

// Priorities of syslog, as systemd reads them at the start of a line.
const PRIORITY: Readonly<Record<Level, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Opens for appending; a new file gets 0640 whatever the umask. */
function openLog(path: string): number {
  try {
    const fd = openSync(path, 'ax', 0o640);
    fchmodSync(fd, 0o640);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return openSync(path, 'a');
  }
}

/** Best effort: a closed or full stderr must not take the server down. */
function writeStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // Nowhere left to say it.
  }
}

/**
 * JSON lines to the log file; warnings and errors (and, without a file,
 * everything) to stderr for the journal. Known secrets never get through.
 */
export class Log {
  private fd: number | undefined;
  private path: string | undefined;
  private level: Level = 'info';
  private secrets: readonly string[] = [];
  private lastComplaint = 0;

  configure(options: { level: Level; secrets: readonly string[] }): void {
    this.level = options.level;
    // As they look inside JSON as well as plain; longest first, so that no part remains.
    this.secrets = [...new Set(options.secrets.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]))]
      .filter((text) => text.length >= 4)
      .sort((a, b) => b.length - a.length);
  }

  /** Opens (or, after a rotation, opens anew) the file; on failure the old one stays. */
  open(path: string | undefined): void {
    const next = path === undefined ? undefined : openLog(path);
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = next;
    this.path = path;
  }

  debug(message: string, fields: Fields = {}): void {
    this.write('debug', message, fields);
  }

  info(message: string, fields: Fields = {}): void {
    this.write('info', message, fields);
  }

  warn(message: string, fields: Fields = {}): void {
    this.write('warn', message, fields);
  }

  error(message: string, fields: Fields = {}): void {
    this.write('error', message, fields);
  }

  private write(level: Level, message: string, fields: Fields): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    const plain = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
    );
    let line = JSON.stringify({ time: new Date().toISOString(), level, message, ...plain });
    for (const secret of this.secrets) line = line.replaceAll(secret, '[redacted]');
    if (this.fd === undefined || level === 'warn' || level === 'error') {
      writeStderr(`<${PRIORITY[level]}>${line}\n`);
    }
    if (this.fd === undefined) return;
    try {
      writeSync(this.fd, `${line}\n`);
    } catch (error) {
      // A full disk must not stop the service; it is told once a minute.
      if (Date.now() - this.lastComplaint > 60_000) {
        this.lastComplaint = Date.now();
        writeStderr(`<${PRIORITY.error}>cannot write ${this.path ?? 'the log'}: ${(error as Error).message}\n`);
      }
    }
  }
}
