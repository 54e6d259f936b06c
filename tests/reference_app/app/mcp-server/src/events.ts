import type { Queryable } from './database.js';

export interface Event {
  readonly type: string;
  readonly status: 'success' | 'failure';
  readonly user?: string | null;
  readonly projectId?: string | null;
  readonly sessionId?: string | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Writes events in one statement, in the caller's transaction if it has one. */
export async function recordEvents(db: Queryable, events: readonly Event[]): Promise<void> {
  await db.query(
    `INSERT INTO event_log (event_type, status, user_name, project_id, session_id, detail)
     SELECT e.type, e.status, e."user", e.project_id, e.session_id, coalesce(e.detail, '{}')
     FROM jsonb_to_recordset($1::jsonb)
       AS e (type text, status text, "user" text, project_id uuid, session_id uuid, detail jsonb)`,
    [
      JSON.stringify(
        events.map(({ type, status, user, projectId, sessionId, detail }) => ({
          type,
          status,
          user,
          project_id: projectId,
          session_id: sessionId,
          detail,
        })),
      ),
    ],
  );
}
