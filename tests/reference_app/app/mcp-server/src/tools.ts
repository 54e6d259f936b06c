import { z } from 'zod';
import type { ServerConfig } from './config.js';
import { Contexts } from './contexts.js';
import { DatabaseUnavailable, type Database } from './database.js';
import { ToolError, type ToolErrorCode } from './errors.js';
import { recordEvents } from './events.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import { createProject, deleteProject, listProjects } from './projects.js';
import { Sessions } from './sessions.js';
import { VERSION } from './version.js';

export interface Caller {
  readonly transport: 'lines' | 'http';
  /** Who a bearer token says it is; then the argument `user` cannot say otherwise. */
  readonly user?: string | undefined;
}

export type Result = Readonly<Record<string, unknown>>;

export type Outcome =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly code: ToolErrorCode; readonly message: string; readonly badArguments: boolean };

export interface ToolDescription {
  name: string;
  description: string;
  inputSchema: { type: 'object' } & Record<string, unknown>;
}

interface Tool {
  readonly description: string;
  readonly schema: z.ZodObject;
  readonly run: (args: unknown) => Promise<Result>;
}

const user = z.string().min(1).max(200).default('anonymous').describe('whose session or project; "anonymous" when not given');
const projectName = z.string().trim().min(1).max(200);
const project = projectName.describe('id or name of a project');
const sessionId = z.uuid().describe('id of a session');
const metadata = z.record(z.string(), z.unknown()).default({});
const tags = z.array(z.string().min(1).max(100)).max(50).default([]);
const type = z.string().min(1).max(50);

/** Binds a handler to the type its schema gives. */
function tool<S extends z.ZodRawShape>(
  description: string,
  shape: S,
  run: (args: z.output<z.ZodObject<S, z.core.$strict>>) => Promise<object>,
): Tool {
  const schema = z.strictObject(shape);
  return { description, schema, run: async (args) => (await run(schema.parse(args))) as Result };
}

// Tools whose failures belong in event_log, and the event they would have been.
const EVENT_OF: Readonly<Record<string, string>> = {
  session_new: 'session_created',
  project_create: 'project_created',
  project_switch: 'project_assigned',
  context_store: 'context_stored',
};

export class Tools {
  readonly sessions: Sessions;
  private readonly tools: ReadonlyMap<string, Tool>;

  constructor(
    private readonly db: Database,
    settings: () => ServerConfig,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {
    this.sessions = new Sessions(db, settings);
    const sessions = this.sessions;
    const contexts = new Contexts(db, sessions, settings);
    this.tools = new Map<string, Tool>([
      [
        'ping',
        tool('Answers when the server and its database do.', {}, async () => {
          const start = performance.now();
          await db.query('SELECT 1');
          return { pong: true, version: VERSION, time: new Date(), database_ms: Math.round((performance.now() - start) * 100) / 100 };
        }),
      ],
      [
        'project_list',
        tool(
          'Lists projects, oldest first.',
          { status: z.enum(['active', 'archived', 'all']).default('active'), limit: z.int().min(1).max(1000).default(100) },
          (args) => listProjects(db, args),
        ),
      ],
      [
        'project_create',
        tool(
          'Makes a project. With primary it becomes the one its owner gets when nothing else decides.',
          { name: projectName, description: z.string().max(2000).optional(), user, primary: z.boolean().default(false) },
          (args) => createProject(db, args, settings()),
        ),
      ],
      [
        'project_switch',
        tool(
          "Moves a session (the user's latest active one when none is given) to another project.",
          { project, session_id: sessionId.optional(), user, primary: z.boolean().default(false).describe("also make it the user's primary project") },
          (args) => sessions.switchProject(args),
        ),
      ],
      [
        'project_delete',
        tool(
          'Archives a project; with purge deletes it and its contexts for good.',
          { project, user, purge: z.boolean().default(false) },
          (args) => deleteProject(db, args, settings()),
        ),
      ],
      [
        'session_new',
        tool(
          'Starts a session. Its project is the one named, else the one this user used last, else the primary one, else the system default.',
          { project: project.optional(), user, agent_type: z.string().min(1).max(100).default('mcp'), title: z.string().max(500).optional(), metadata },
          (args) => sessions.start(args),
        ),
      ],
      [
        'session_status',
        tool("Tells about a session, the user's latest active one when none is given.", { session_id: sessionId.optional(), user }, (args) =>
          sessions.status(args),
        ),
      ],
      [
        'session_end',
        tool('Ends a session; with purge its row is deleted too.', { session_id: sessionId, user, purge: z.boolean().default(false) }, (args) =>
          sessions.end(args),
        ),
      ],
      [
        'context_store',
        tool(
          'Stores a context in a project (that of the session when none is named).',
          {
            content: z.string().min(1).max(500_000),
            type: type.default('note').describe('for example note, code, decision, error'),
            tags,
            importance: z.int().min(1).max(5).default(3).describe('1 (least) to 5'),
            metadata,
            project: project.optional(),
            session_id: sessionId.optional(),
            user,
          },
          (args) => contexts.store(args),
        ),
      ],
      [
        'context_search',
        tool(
          'Finds contexts by likeness of wording (hashed embedding and trigrams), best first.',
          {
            query: z.string().min(1).max(10_000),
            project: project.optional(),
            session_id: sessionId.optional(),
            all_projects: z.boolean().default(false),
            type: type.optional(),
            tags,
            min_importance: z.int().min(1).max(5).default(1),
            limit: z.int().min(1).max(100).default(10),
            user,
          },
          (args) => contexts.search(args),
        ),
      ],
      ['context_delete', tool('Deletes a context.', { context_id: z.uuid(), user }, (args) => contexts.delete(args))],
    ]);
  }

  has(name: string): boolean {
    return this.tools.has(name);
  }

  list(): ToolDescription[] {
    return [...this.tools].map(([name, { description, schema }]) => {
      // `input`: arguments with a default are optional for the caller.
      const inputSchema = z.toJSONSchema(schema, { io: 'input' }) as ToolDescription['inputSchema'];
      delete inputSchema['$schema'];
      return { name, description, inputSchema };
    });
  }

  /** Calls a tool; never throws. The tool must exist. */
  async call(name: string, args: unknown, caller: Caller): Promise<Outcome> {
    const start = process.hrtime.bigint();
    const outcome = await this.attempt(name, args, caller);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const status = outcome.ok ? 'ok' : outcome.badArguments ? 'invalid' : 'error';
    this.metrics.requests.increment({ transport: caller.transport, tool: name, status });
    this.metrics.durations.observe({ transport: caller.transport, tool: name }, seconds);
    this.log.debug('tool call', { tool: name, transport: caller.transport, status, ms: Math.round(seconds * 1e5) / 100 });
    if (name === 'session_new' && status !== 'invalid') {
      this.metrics.sessionsCreated.increment({ status: outcome.ok ? 'success' : 'failure' });
      const level = outcome.ok ? String(outcome.result['resolved_by']) : 'none';
      this.metrics.assignments.increment({ level, status: outcome.ok ? 'success' : 'failure' });
    }
    return outcome;
  }

  private async attempt(name: string, given: unknown, caller: Caller): Promise<Outcome> {
    const tool = this.tools.get(name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    const args: Record<string, unknown> = { ...(given as Record<string, unknown> | undefined) };
    // Of MCP, not of the tool.
    delete args['_meta'];
    try {
      if (caller.user !== undefined && 'user' in tool.schema.shape) {
        if (args['user'] !== undefined && args['user'] !== caller.user) {
          throw new ToolError('forbidden', `the token is of "${caller.user}", not of another user`);
        }
        args['user'] = caller.user;
      }
      const result = await tool.run(args);
      const session = args['session_id'];
      if (typeof session === 'string' && name !== 'session_end' && name !== 'session_status') this.sessions.touch(session.toLowerCase());
      return { ok: true, result };
    } catch (error) {
      if (error instanceof z.ZodError) {
        const message = error.issues
          .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`))
          .join('; ');
        return { ok: false, code: 'invalid', message: `invalid arguments of ${name}: ${message}`, badArguments: true };
      }
      const failure = this.describe(name, error);
      await this.recordFailure(name, args, failure);
      return { ok: false, code: failure.code, message: failure.message, badArguments: false };
    }
  }

  private describe(name: string, error: unknown): ToolError {
    if (error instanceof ToolError) return error;
    if (error instanceof DatabaseUnavailable) {
      this.log.error('tool failed', { tool: name, error });
      // The cause may name hosts; the caller needs to know no more than this.
      return new ToolError('unavailable', 'the database cannot be reached');
    }
    const code = (error as { code?: unknown }).code;
    // Data exceptions: text PostgreSQL cannot hold, such as a NUL.
    if (typeof code === 'string' && /^22/.test(code)) return new ToolError('invalid', `the database does not take this: ${(error as Error).message}`);
    this.log.error('tool failed', { tool: name, error, code });
    return new ToolError('internal', 'internal error; the log of the server says more');
  }

  private async recordFailure(name: string, args: Record<string, unknown>, failure: ToolError): Promise<void> {
    const type = EVENT_OF[name];
    if (type === undefined || failure.code === 'unavailable') return;
    const named = typeof args['user'] === 'string' ? args['user'] : 'anonymous';
    const detail = { code: failure.code, message: failure.message };
    try {
      await recordEvents(this.db, [{ type, status: 'failure', user: named, detail }]);
    } catch (error) {
      this.log.warn('event not recorded', { type, error: error as Error });
    }
  }
}
