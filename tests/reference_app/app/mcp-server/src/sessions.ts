import type { Database, Queryable, Row } from './database.js';
import { ToolError } from './errors.js';
import { recordEvents } from './events.js';
import { requireActiveProject, resolveProject, serialise, type ProjectReference, type ProjectSettings, type ResolutionLevel } from './projects.js';

export interface SessionSettings extends ProjectSettings {
  readonly SESSION_TIMEOUT: number;
  readonly MAX_CONCURRENT_SESSIONS: number;
}

interface SessionRow extends Row {
  id: string;
  project_id: string | null;
  user_name: string;
  agent_type: string;
  title: string | null;
  status: string;
  resolved_by: ResolutionLevel;
  tool_calls: number;
  started_at: Date;
  last_activity_at: Date;
  ended_at: Date | null;
  end_reason: string | null;
  project_name: string | null;
}

export interface NewSession {
  session: { id: string; user: string; agent_type: string; title: string | null; status: string; started_at: Date; expires_at: Date };
  project: ProjectReference;
  resolved_by: ResolutionLevel;
  superseded: string[];
}

const COLUMNS = `s.id, s.project_id, s.user_name, s.agent_type, s.title, s.status, s.resolved_by, s.tool_calls,
  s.started_at, s.last_activity_at, s.ended_at, s.end_reason, p.name AS project_name`;

/**
 * Sessions. Activity is counted in memory and written at intervals
 * (SESSION_PERSISTENCE_INTERVAL), so that a busy session costs no update a call.
 */
export class Sessions {
  private touched = new Map<string, { at: Date; calls: number }>();

  constructor(
    private readonly db: Database,
    private readonly settings: () => SessionSettings,
  ) {}

  async start(args: {
    project?: string | undefined;
    user: string;
    agent_type: string;
    title?: string | undefined;
    metadata: Record<string, unknown>;
  }): Promise<NewSession> {
    const settings = this.settings();
    return this.db.transaction(async (tx) => {
      // Two calls of one user at once must not both see the last free place.
      await serialise(tx, `owner:${args.user}`);
      const { resolved_by, ...project } = await resolveProject(tx, args.project, args.user, settings);
      // At the limit the user's longest idle sessions give way: an agent that
      // went away without a word must not lock its user out for SESSION_TIMEOUT.
      const superseded = await tx.query<{ id: string }>(
        `UPDATE sessions SET status = 'ended', ended_at = now(), end_reason = 'superseded'
          WHERE id IN (SELECT id FROM sessions WHERE user_name = $1 AND status = 'active'
                        ORDER BY last_activity_at DESC, started_at DESC OFFSET $2)
          RETURNING id`,
        [args.user, settings.MAX_CONCURRENT_SESSIONS - 1],
      );
      const [row] = await tx.query<{ id: string; started_at: Date; status: string }>(
        `INSERT INTO sessions (project_id, user_name, agent_type, title, resolved_by, metadata)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, started_at, status`,
        [project.id, args.user, args.agent_type, args.title ?? null, resolved_by, JSON.stringify(args.metadata)],
      );
      if (row === undefined) throw new Error('INSERT returned no row');
      const common = { status: 'success', user: args.user, projectId: project.id } as const;
      await recordEvents(tx, [
        { ...common, type: 'session_created', sessionId: row.id, detail: { agent_type: args.agent_type } },
        { ...common, type: 'project_assigned', sessionId: row.id, detail: { resolved_by } },
        ...superseded.map(({ id }) => ({ ...common, type: 'session_ended', sessionId: id, projectId: null, detail: { reason: 'superseded' } })),
      ]);
      return {
        session: {
          id: row.id,
          user: args.user,
          agent_type: args.agent_type,
          title: args.title ?? null,
          status: row.status,
          started_at: row.started_at,
          expires_at: new Date(row.started_at.getTime() + settings.SESSION_TIMEOUT),
        },
        project,
        resolved_by,
        superseded: superseded.map(({ id }) => id),
      };
    });
  }

  async status(args: { session_id?: string | undefined; user: string }): Promise<Row> {
    const row = await this.load(this.db, args);
    const last = this.lastActivity(row);
    const [counts] = await this.db.query<{ contexts: number }>(
      'SELECT count(*)::int AS contexts FROM contexts WHERE session_id = $1',
      [row.id],
    );
    return {
      session: {
        id: row.id,
        user: row.user_name,
        agent_type: row.agent_type,
        title: row.title,
        status: row.status,
        started_at: row.started_at,
        last_activity_at: last,
        ended_at: row.ended_at,
        end_reason: row.end_reason,
        expires_at: row.status === 'active' ? new Date(last.getTime() + this.settings().SESSION_TIMEOUT) : null,
        tool_calls: row.tool_calls + (this.touched.get(row.id)?.calls ?? 0),
        contexts: counts?.contexts ?? 0,
      },
      project: row.project_id === null ? null : { id: row.project_id, name: row.project_name },
      resolved_by: row.resolved_by,
    };
  }

  /** The session given, or the user's latest active one; it must be usable. */
  async requireActive(db: Queryable, args: { session_id?: string | undefined; user: string }): Promise<SessionRow> {
    const row = await this.load(db, args);
    if (row.status !== 'active') throw new ToolError('conflict', `session ${row.id} is ${row.status}`);
    return row;
  }

  async switchProject(args: {
    project: string;
    session_id?: string | undefined;
    user: string;
    primary: boolean;
  }): Promise<{ session_id: string; project: ProjectReference; previous_project_id: string | null }> {
    return this.db.transaction(async (tx) => {
      const session = await this.requireActive(tx, args);
      const { id, name, owner } = await requireActiveProject(tx, args.project, session.user_name);
      if (args.primary) {
        if (owner !== session.user_name) throw new ToolError('forbidden', `project "${name}" is not owned by "${session.user_name}", so it cannot be the primary one`);
        await serialise(tx, `owner:${session.user_name}`);
        await tx.query('UPDATE projects SET is_primary = (id = $2) WHERE owner = $1 AND (is_primary OR id = $2)', [session.user_name, id]);
      }
      await tx.query(
        "UPDATE sessions SET project_id = $2, resolved_by = 'named', project_assigned_at = clock_timestamp() WHERE id = $1",
        [session.id, id],
      );
      await recordEvents(tx, [
        {
          type: 'project_assigned',
          status: 'success',
          user: session.user_name,
          projectId: id,
          sessionId: session.id,
          detail: { resolved_by: 'named', previous: session.project_id },
        },
      ]);
      return { session_id: session.id, project: { id, name }, previous_project_id: session.project_id };
    });
  }

  async end(args: { session_id: string; user: string; purge: boolean }): Promise<{ session_id: string; result: 'ended' | 'purged' }> {
    return this.db.transaction(async (tx) => {
      const row = await this.load(tx, args);
      const activity = this.touched.get(row.id);
      this.touched.delete(row.id);
      if (args.purge) await tx.query('DELETE FROM sessions WHERE id = $1', [row.id]);
      else {
        if (row.status !== 'active') throw new ToolError('conflict', `session ${row.id} is ${row.status} already`);
        await tx.query(
          `UPDATE sessions SET status = 'ended', ended_at = now(), end_reason = 'requested', tool_calls = tool_calls + $2 WHERE id = $1`,
          [row.id, activity?.calls ?? 0],
        );
      }
      await recordEvents(tx, [
        {
          type: 'session_ended',
          status: 'success',
          user: row.user_name,
          projectId: row.project_id,
          sessionId: args.purge ? null : row.id,
          detail: { session_id: row.id, reason: args.purge ? 'purged' : 'requested' },
        },
      ]);
      return { session_id: row.id, result: args.purge ? 'purged' : 'ended' };
    });
  }

  touch(sessionId: string): void {
    const calls = (this.touched.get(sessionId)?.calls ?? 0) + 1;
    this.touched.set(sessionId, { at: new Date(), calls });
  }

  /** Writes what was counted since the last time. What cannot be written is kept. */
  async persist(): Promise<void> {
    if (this.touched.size === 0) return;
    const batch = this.touched;
    this.touched = new Map();
    try {
      await this.db.query(
        `UPDATE sessions s
            SET last_activity_at = greatest(s.last_activity_at, t.at), tool_calls = s.tool_calls + t.calls
           FROM jsonb_to_recordset($1::jsonb) AS t (id uuid, at timestamptz, calls integer)
          WHERE s.id = t.id`,
        [JSON.stringify([...batch].map(([id, { at, calls }]) => ({ id, at, calls })))],
      );
    } catch (error) {
      for (const [id, { at, calls }] of batch) {
        const newer = this.touched.get(id);
        this.touched.set(id, { at: newer?.at ?? at, calls: calls + (newer?.calls ?? 0) });
      }
      throw error;
    }
  }

  /** Ends what has been idle for longer than SESSION_TIMEOUT. */
  async expireIdle(): Promise<number> {
    await this.persist();
    const rows = await this.db.query<{ id: string }>(
      `WITH expired AS (
         UPDATE sessions SET status = 'expired', ended_at = now(), end_reason = 'idle'
          WHERE status = 'active' AND last_activity_at < now() - $1 * interval '1 millisecond'
          RETURNING id, user_name, project_id
       ), logged AS (
         INSERT INTO event_log (event_type, status, user_name, project_id, session_id, detail)
         SELECT 'session_expired', 'success', user_name, project_id, id, '{}' FROM expired
       ) SELECT id FROM expired`,
      [this.settings().SESSION_TIMEOUT],
    );
    return rows.length;
  }

  private lastActivity(row: SessionRow): Date {
    const touched = this.touched.get(row.id)?.at;
    return touched !== undefined && touched > row.last_activity_at ? touched : row.last_activity_at;
  }

  private async load(db: Queryable, args: { session_id?: string | undefined; user: string }): Promise<SessionRow> {
    const [row] =
      args.session_id === undefined
        ? await db.query<SessionRow>(
            `SELECT ${COLUMNS} FROM sessions s LEFT JOIN projects p ON p.id = s.project_id
              WHERE s.user_name = $1 AND s.status = 'active' ORDER BY s.last_activity_at DESC, s.started_at DESC LIMIT 1`,
            [args.user],
          )
        : await db.query<SessionRow>(
            `SELECT ${COLUMNS} FROM sessions s LEFT JOIN projects p ON p.id = s.project_id WHERE s.id = $1`,
            [args.session_id],
          );
    if (row === undefined) {
      throw new ToolError(
        'not_found',
        args.session_id === undefined ? `user "${args.user}" has no active session` : `there is no session ${args.session_id}`,
      );
    }
    // The sweep comes at intervals; a session past its time is over now.
    if (row.status === 'active' && this.lastActivity(row).getTime() + this.settings().SESSION_TIMEOUT < Date.now()) {
      row.status = 'expired';
    }
    return row;
  }
}
