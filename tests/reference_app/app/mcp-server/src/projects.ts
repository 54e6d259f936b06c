import type { Database, Queryable, Row } from './database.js';
import { ToolError } from './errors.js';
import { recordEvents } from './events.js';

export const SYSTEM_PROJECT_NAME = 'System Default';

export type ResolutionLevel = 'named' | 'last_used' | 'user_primary' | 'system_default';

export interface ProjectReference {
  readonly id: string;
  readonly name: string;
}

export interface ResolvedProject extends ProjectReference {
  readonly resolved_by: ResolutionLevel;
}

export interface ProjectSettings {
  readonly DEFAULT_PROJECT_ID?: string | undefined;
  readonly MAX_PROJECTS_PER_USER: number;
  readonly AUTO_CREATE_PROJECTS: boolean;
}

interface ProjectRow extends Row {
  id: string;
  name: string;
  status: string;
  owner: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Makes what follows in the transaction happen once at a time for one key. */
export async function serialise(tx: Queryable, key: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7015))', [key]);
}

/**
 * By id or by name. Names are not unique: an active project comes before an
 * archived one, the user's own before others', the oldest before younger ones.
 */
async function find(db: Queryable, project: string, user: string): Promise<ProjectRow | undefined> {
  const rows = await db.query<ProjectRow>(
    `SELECT id, name, status, owner FROM projects WHERE ${UUID.test(project) ? 'id = $1::uuid' : 'name = $1'}
     ORDER BY status = 'active' DESC, owner IS NOT DISTINCT FROM $2 DESC, created_at, id LIMIT 1`,
    [project, user],
  );
  return rows[0];
}

export async function requireActiveProject(db: Queryable, project: string, user: string): Promise<ProjectRow> {
  const row = await find(db, project, user);
  if (row === undefined) throw new ToolError('not_found', `there is no project "${project}"`);
  if (row.status !== 'active') throw new ToolError('conflict', `project "${project}" is archived`);
  return row;
}

async function insertProject(
  tx: Queryable,
  values: { name: string; description?: string | undefined; user: string; primary: boolean },
  settings: ProjectSettings,
): Promise<Row & ProjectReference> {
  const [count] = await tx.query<{ active: number }>(
    "SELECT count(*)::int AS active FROM projects WHERE owner = $1 AND status = 'active'",
    [values.user],
  );
  if ((count?.active ?? 0) >= settings.MAX_PROJECTS_PER_USER) {
    throw new ToolError('limit', `user "${values.user}" has ${settings.MAX_PROJECTS_PER_USER} active projects, the most allowed`);
  }
  if (values.primary) await tx.query('UPDATE projects SET is_primary = false WHERE owner = $1 AND is_primary', [values.user]);
  const [row] = await tx.query<Row & ProjectReference>(
    `INSERT INTO projects (name, description, owner, is_primary) VALUES ($1, $2, $3, $4)
     RETURNING id, name, description, status, owner, is_primary, created_at`,
    [values.name, values.description ?? null, values.user, values.primary],
  );
  if (row === undefined) throw new Error('INSERT returned no row');
  await recordEvents(tx, [
    { type: 'project_created', status: 'success', user: values.user, projectId: row.id, detail: { name: row.name, primary: values.primary } },
  ]);
  return row;
}

/** The four levels, the first that gives an active project. */
export async function resolveProject(
  tx: Queryable,
  named: string | undefined,
  user: string,
  settings: ProjectSettings,
): Promise<ResolvedProject> {
  if (named !== undefined) {
    const row = await find(tx, named, user);
    if (row === undefined && settings.AUTO_CREATE_PROJECTS && !UUID.test(named)) {
      // Always the owner's lock first, so that two calls cannot wait for each other.
      await serialise(tx, `owner:${user}`);
      await serialise(tx, `project:${named}`);
      // Somebody may have made it while this call waited for the lock.
      const again = await find(tx, named, user);
      const made = again ?? (await insertProject(tx, { name: named, user, primary: false }, settings));
      return { id: made.id, name: made.name, resolved_by: 'named' };
    }
    const { id, name } = await requireActiveProject(tx, named, user);
    return { id, name, resolved_by: 'named' };
  }
  const [row] = await tx.query<Row & ResolvedProject>(
    `SELECT id, name, level AS resolved_by FROM (
       (SELECT 1 AS rank, 'last_used' AS level, p.id, p.name
          FROM sessions s JOIN projects p ON p.id = s.project_id AND p.status = 'active'
         WHERE s.user_name = $1 ORDER BY s.project_assigned_at DESC LIMIT 1)
       UNION ALL
       (SELECT 2, 'user_primary', id, name FROM projects WHERE owner = $1 AND is_primary AND status = 'active')
       UNION ALL
       (SELECT 3, 'system_default', id, name FROM projects
         WHERE status = 'active' AND (id = $2::uuid OR name = $3)
         ORDER BY (id = $2::uuid) IS TRUE DESC, created_at, id LIMIT 1)
     ) AS candidates ORDER BY rank LIMIT 1`,
    [user, settings.DEFAULT_PROJECT_ID ?? null, SYSTEM_PROJECT_NAME],
  );
  if (row === undefined) {
    throw new ToolError('not_found', `no project: none named, none used before by "${user}", no primary, and no active "${SYSTEM_PROJECT_NAME}"`);
  }
  return { id: row.id, name: row.name, resolved_by: row.resolved_by };
}

export async function listProjects(
  db: Queryable,
  args: { status: 'active' | 'archived' | 'all'; limit: number },
): Promise<{ projects: Row[]; count: number }> {
  const projects = await db.query(
    `SELECT p.id, p.name, p.description, p.status, p.owner, p.is_primary, p.created_at, p.updated_at,
            (SELECT count(*)::int FROM sessions s WHERE s.project_id = p.id AND s.status = 'active') AS active_sessions,
            (SELECT count(*)::int FROM contexts c WHERE c.project_id = p.id) AS contexts
       FROM projects p WHERE $1 = 'all' OR p.status = $1
      ORDER BY p.created_at, p.id LIMIT $2`,
    [args.status, args.limit],
  );
  return { projects, count: projects.length };
}

export async function createProject(
  db: Database,
  args: { name: string; description?: string | undefined; user: string; primary: boolean },
  settings: ProjectSettings,
): Promise<{ project: Row }> {
  return db.transaction(async (tx) => {
    // The schema allows equal names; one user making the same project twice at once is still an accident.
    await serialise(tx, `owner:${args.user}`);
    await serialise(tx, `project:${args.name}`);
    const same = await tx.query("SELECT 1 FROM projects WHERE name = $1 AND status = 'active' LIMIT 1", [args.name]);
    if (same.length > 0) throw new ToolError('conflict', `an active project "${args.name}" exists`);
    return { project: await insertProject(tx, args, settings) };
  });
}

export async function deleteProject(
  db: Database,
  args: { project: string; user: string; purge: boolean },
  settings: ProjectSettings,
): Promise<{ project: ProjectReference; result: 'archived' | 'purged' }> {
  return db.transaction(async (tx) => {
    const row = await find(tx, args.project, args.user);
    if (row === undefined) throw new ToolError('not_found', `there is no project "${args.project}"`);
    if (row.id === settings.DEFAULT_PROJECT_ID || row.name === SYSTEM_PROJECT_NAME) {
      throw new ToolError('forbidden', 'the system default project cannot be deleted');
    }
    const detail = { id: row.id, name: row.name };
    if (args.purge) await tx.query('DELETE FROM projects WHERE id = $1', [row.id]);
    else await tx.query("UPDATE projects SET status = 'archived', is_primary = false WHERE id = $1", [row.id]);
    await recordEvents(tx, [
      {
        type: args.purge ? 'project_purged' : 'project_archived',
        status: 'success',
        user: args.user,
        projectId: args.purge ? null : row.id,
        detail,
      },
    ]);
    return { project: detail, result: args.purge ? 'purged' : 'archived' };
  });
}
