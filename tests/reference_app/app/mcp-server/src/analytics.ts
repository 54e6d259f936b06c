import { hostname } from 'node:os';
import type { Database, Row } from './database.js';
import type { Metrics } from './metrics.js';

const KEEP_METRICS_DAYS = 30;
const MAX_CONTEXTS = 5000;
const MAX_PATTERNS = 50;

/** Writes a row of figures of this server, and drops those past their time. */
export async function collectMetrics(db: Database, metrics: Metrics, startedAt: Date): Promise<void> {
  const memory = process.memoryUsage();
  const figures = {
    host: hostname(),
    requests_total: metrics.requests.total(),
    protocol_errors_total: metrics.protocolErrors.total(),
    rss_bytes: memory.rss,
    heap_used_bytes: memory.heapUsed,
    uptime_seconds: Math.floor(process.uptime()),
    pool: db.statistics,
  };
  await db.query(
    `INSERT INTO metrics_collection_sessions (metrics, started_at, completed_at)
     SELECT $1::jsonb || jsonb_build_object(
              'active_sessions', (SELECT count(*) FROM sessions WHERE status = 'active'),
              'active_projects', (SELECT count(*) FROM projects WHERE status = 'active')),
            $2, clock_timestamp()`,
    [JSON.stringify(figures), startedAt],
  );
  await db.query("DELETE FROM metrics_collection_sessions WHERE started_at < now() - $1 * interval '1 day'", [KEEP_METRICS_DAYS]);
}

interface Candidate extends Row {
  project_id: string;
}

/**
 * Finds pairs of tags that occur together in a project more often than their
 * frequencies explain (lift above 1), for projects with contexts newer than
 * their last discovery. One server at a time; the others skip.
 *
 * @returns number of projects looked at
 */
export async function discoverPatterns(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock(7015002) AS mine');
    if (lock?.mine !== true) return 0;
    const candidates = await tx.query<Candidate>(
      `SELECT c.project_id FROM contexts c
        GROUP BY c.project_id
       HAVING max(c.created_at) > coalesce(
                (SELECT max(d.started_at) FROM pattern_discovery_sessions d WHERE d.project_id = c.project_id), '-infinity')`,
    );
    for (const { project_id } of candidates) {
      await tx.query(
        `WITH recent AS (
           SELECT id, ARRAY(SELECT DISTINCT unnest(tags)) AS tags FROM contexts
            WHERE project_id = $1 ORDER BY created_at DESC LIMIT $2
         ), total AS (SELECT count(*)::float8 AS n FROM recent),
         single AS (SELECT tag, count(*)::float8 AS n FROM recent, unnest(tags) AS tag GROUP BY tag),
         pairs AS (
           SELECT a.tag AS first, b.tag AS second, count(*)::float8 AS n
             FROM recent, unnest(tags) AS a (tag), unnest(tags) AS b (tag)
            WHERE a.tag < b.tag GROUP BY a.tag, b.tag HAVING count(*) >= 2
         ), found AS (
           SELECT p.first, p.second, p.n, p.n * t.n / (x.n * y.n) AS lift
             FROM pairs p CROSS JOIN total t
             JOIN single x ON x.tag = p.first JOIN single y ON y.tag = p.second
            WHERE p.n * t.n > x.n * y.n
            ORDER BY p.n DESC, lift DESC, p.first, p.second LIMIT $3
         )
         INSERT INTO pattern_discovery_sessions (project_id, contexts_examined, patterns, completed_at)
         SELECT $1, (SELECT n FROM total),
                coalesce((SELECT jsonb_agg(jsonb_build_object(
                  'kind', 'tags_together', 'tags', jsonb_build_array(first, second), 'count', n, 'lift', round(lift::numeric, 2))) FROM found), '[]'),
                clock_timestamp()`,
        [project_id, MAX_CONTEXTS, MAX_PATTERNS],
      );
    }
    return candidates.length;
  });
}
