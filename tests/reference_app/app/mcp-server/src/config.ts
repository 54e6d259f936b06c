import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseDatabaseUrl, type DatabaseTarget } from './database-url.js';
import { parseEnvFile } from './envfile.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** EX_CONFIG of sysexits.h: restarting will not help, somebody must edit something. */
export const EXIT_CONFIGURATION = 78;

/** Every problem of the configuration at once. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`configuration: ${problems.length} problem${problems.length === 1 ? '' : 's'}\n  ${problems.join('\n  ')}`);
  }
}

export interface LoadedEnvironment {
  readonly values: Environment;
  /** Set when ENV_FILE is named but could not be read. */
  readonly warning?: string;
}

/** The process environment, completed by ENV_FILE for keys it does not have. */
export function loadEnvironment(processEnv: Environment): LoadedEnvironment {
  const path = processEnv['ENV_FILE'];
  if (path === undefined || path === '') return { values: processEnv };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    return { values: processEnv, warning: `ENV_FILE ${path} cannot be read (${code}); only the process environment counts` };
  }
  const merged: Record<string, string | undefined> = Object.fromEntries(parseEnvFile(text));
  for (const [key, value] of Object.entries(processEnv)) merged[key] = value;
  return { values: merged };
}

const TRUE = ['true', '1', 'yes', 'on'];
const FALSE = ['false', '0', 'no', 'off'];

function bool(fallback: boolean): z.ZodType<boolean, string | undefined> {
  return z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return fallback;
      if (TRUE.includes(text.toLowerCase())) return true;
      if (FALSE.includes(text.toLowerCase())) return false;
      context.addIssue({ code: 'custom', message: 'expected true or false' });
      return z.NEVER;
    });
}

function integer(fallback: number, least: number, most: number): z.ZodType<number, string | undefined> {
  return z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return fallback;
      const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
      if (value >= least && value <= most) return value;
      context.addIssue({ code: 'custom', message: `expected a whole number from ${least} to ${most}` });
      return z.NEVER;
    });
}

const MAX_MS = 2_147_483_647; // longest delay of a timer

const databaseShape = {
  DATABASE_URL: z.string({ error: 'required: postgresql://user:password@host:port/database' }),
  DATABASE_SSL: bool(false),
};

const serverShape = {
  ...databaseShape,
  DATABASE_MAX_CONNECTIONS: integer(20, 1, 1000),
  SESSION_TIMEOUT: integer(28_800_000, 1000, MAX_MS),
  MAX_CONCURRENT_SESSIONS: integer(10, 1, 100_000),
  SESSION_PERSISTENCE_INTERVAL: integer(30_000, 100, MAX_MS),
  DEFAULT_PROJECT_ID: z.uuid({ error: 'expected the UUID of a project' }).optional(),
  MAX_PROJECTS_PER_USER: integer(50, 1, 1_000_000),
  AUTO_CREATE_PROJECTS: bool(true),
  ENABLE_ANALYTICS: bool(true),
  METRICS_COLLECTION_INTERVAL: integer(60_000, 100, MAX_MS),
  PATTERN_DETECTION_ENABLED: bool(true),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], { error: 'expected debug, info, warn or error' }).default('info'),
  LOG_FILE: z.string().startsWith('/', { error: 'expected an absolute path' }).optional(),
  ENABLE_CORS: bool(false),
  ALLOWED_ORIGINS: z
    .string()
    .default('')
    .transform((text, context) => {
      const origins = text.split(',').map((origin) => origin.trim()).filter((origin) => origin !== '');
      for (const origin of origins) {
        if (origin !== '*' && !/^https?:\/\/[^/\s]+$/.test(origin)) {
          context.addIssue({ code: 'custom', message: `"${origin}" is not an origin (https://host or http://host:port)` });
        }
      }
      return origins;
    }),
  JWT_SECRET: z
    .string({ error: 'required: the key of bearer tokens, 16 characters or more' })
    .min(16, { error: 'shorter than 16 characters' })
    .refine((text) => !/^your_.*_here$/.test(text), { error: 'still the placeholder of the guide' }),
  MCP_HOST: z.string().optional(),
  MCP_PORT: integer(3001, 0, 65535),
  MCP_IDLE_TIMEOUT: integer(300_000, 100, MAX_MS),
  HTTP_HOST: z.string().optional(),
  HTTP_PORT: integer(8080, 0, 65535),
  HTTP_REQUIRE_AUTH: bool(false),
  SHUTDOWN_TIMEOUT: integer(10_000, 0, 600_000),
};

const databaseSchema = z.object(databaseShape);
const serverSchema = z.object(serverShape);

export interface DatabaseConfig {
  readonly database: DatabaseTarget;
}

export interface ServerConfig extends DatabaseConfig, Readonly<Omit<z.output<typeof serverSchema>, 'DATABASE_URL'>> {}

/** What SIGHUP can change; the rest is bound to sockets and pools made at start. */
export const RELOADABLE = [
  'SESSION_TIMEOUT',
  'MAX_CONCURRENT_SESSIONS',
  'SESSION_PERSISTENCE_INTERVAL',
  'DEFAULT_PROJECT_ID',
  'MAX_PROJECTS_PER_USER',
  'AUTO_CREATE_PROJECTS',
  'ENABLE_ANALYTICS',
  'METRICS_COLLECTION_INTERVAL',
  'PATTERN_DETECTION_ENABLED',
  'LOG_LEVEL',
  'LOG_FILE',
  'ENABLE_CORS',
  'ALLOWED_ORIGINS',
  'JWT_SECRET',
  'HTTP_REQUIRE_AUTH',
  'MCP_IDLE_TIMEOUT',
  'SHUTDOWN_TIMEOUT',
] as const satisfies readonly (keyof ServerConfig)[];

function parse<T extends { DATABASE_URL: string; DATABASE_SSL: boolean }>(
  schema: z.ZodType<T>,
  keys: readonly string[],
  environment: Environment,
): T & { database: DatabaseTarget } {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const key of keys) {
    const value = environment[key];
    // An empty value is how an environment file says "not set".
    if (value !== undefined && value !== '') given[key] = value;
  }
  const result = schema.safeParse(given);
  if (!result.success) {
    for (const issue of result.error.issues) problems.push(`${issue.path.join('.')}: ${issue.message}`);
  }
  // Looked at even when other keys are wrong: all problems are told at once.
  let database: DatabaseTarget | undefined;
  const url = given['DATABASE_URL'];
  if (url !== undefined) {
    try {
      database = parseDatabaseUrl(url, TRUE.includes((given['DATABASE_SSL'] ?? '').toLowerCase()));
    } catch (error) {
      problems.push(`DATABASE_URL: ${(error as Error).message}`);
    }
  }
  if (!result.success || database === undefined) throw new ConfigurationError(problems);
  return { ...result.data, database };
}

/** The part that migrations need. */
export function parseDatabaseConfig(environment: Environment): DatabaseConfig {
  return { database: parse(databaseSchema, Object.keys(databaseShape), environment).database };
}

export function parseServerConfig(environment: Environment): ServerConfig {
  return parse(serverSchema, Object.keys(serverShape), environment);
}
