import { analyseCode } from './code-analysis.js';
import type { Database, Row } from './database.js';
import { embed, toVectorLiteral } from './embedding.js';
import { ToolError } from './errors.js';
import { recordEvents } from './events.js';
import { requireActiveProject, resolveProject, type ProjectReference, type ResolutionLevel } from './projects.js';
import type { Sessions, SessionSettings } from './sessions.js';

export interface ContextSettings extends SessionSettings {
  readonly ENABLE_ANALYTICS: boolean;
}

export interface StoredContext {
  readonly context: { id: string; context_type: string; tags: string[]; importance: number; created_at: Date };
  readonly project: ProjectReference;
  readonly session_id: string | null;
  readonly resolved_by: ResolutionLevel | 'session';
}

// Likeness of the whole text counts more than one close passage.
const EMBEDDING_WEIGHT = 0.6;
const TRIGRAM_WEIGHT = 0.4;
// Below both, a row has nothing to do with the question.
const LEAST_SIMILARITY = 0.1;
const LEAST_WORD_SIMILARITY = 0.3;

export class Contexts {
  constructor(
    private readonly db: Database,
    private readonly sessions: Sessions,
    private readonly settings: () => ContextSettings,
  ) {}

  async store(args: {
    content: string;
    type: string;
    tags: string[];
    importance: number;
    metadata: Record<string, unknown>;
    project?: string | undefined;
    session_id?: string | undefined;
    user: string;
  }): Promise<StoredContext> {
    const settings = this.settings();
    return this.db.transaction(async (tx) => {
      const session =
        args.session_id === undefined ? undefined : await this.sessions.requireActive(tx, { session_id: args.session_id, user: args.user });
      const user = session?.user_name ?? args.user;
      let project: ProjectReference;
      let resolved_by: ResolutionLevel | 'session';
      if (args.project === undefined && session !== undefined && session.project_id !== null) {
        project = { id: session.project_id, name: session.project_name ?? '' };
        resolved_by = 'session';
      } else {
        ({ resolved_by, ...project } = await resolveProject(tx, args.project, user, settings));
      }
      const [row] = await tx.query<{ id: string; created_at: Date }>(
        `INSERT INTO contexts (project_id, session_id, context_type, content, tags, metadata, embedding, importance)
         VALUES ($1, $2, $3, $4, $5, $6, $7::vector, $8) RETURNING id, created_at`,
        [
          project.id,
          session?.id ?? null,
          args.type,
          args.content,
          args.tags,
          JSON.stringify(args.metadata),
          toVectorLiteral(embed(args.content)),
          args.importance,
        ],
      );
      if (row === undefined) throw new Error('INSERT returned no row');
      if (settings.ENABLE_ANALYTICS && args.type === 'code') {
        const found = analyseCode(args.content);
        const keys = [project.id, session?.id ?? null, row.id];
        await tx.query(
          `INSERT INTO code_analysis_sessions (project_id, session_id, context_id, lines_total, lines_code, lines_comment, completed_at)
           VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())`,
          [...keys, found.linesTotal, found.linesCode, found.linesComment],
        );
        await tx.query(
          `INSERT INTO complexity_analysis_sessions (project_id, session_id, context_id, decision_points, deepest_nesting, completed_at)
           VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
          [...keys, found.decisionPoints, found.deepestNesting],
        );
      }
      await recordEvents(tx, [
        {
          type: 'context_stored',
          status: 'success',
          user,
          projectId: project.id,
          sessionId: session?.id ?? null,
          detail: { context_id: row.id, context_type: args.type, resolved_by },
        },
      ]);
      return {
        context: { id: row.id, context_type: args.type, tags: args.tags, importance: args.importance, created_at: row.created_at },
        project,
        session_id: session?.id ?? null,
        resolved_by,
      };
    });
  }

  async search(args: {
    query: string;
    project?: string | undefined;
    session_id?: string | undefined;
    all_projects: boolean;
    type?: string | undefined;
    tags: string[];
    min_importance: number;
    limit: number;
    user: string;
  }): Promise<{ results: Row[]; count: number; project: ProjectReference | null }> {
    let project: ProjectReference | null = null;
    if (!args.all_projects) {
      if (args.project !== undefined) {
        // A question does not make projects, whatever AUTO_CREATE_PROJECTS says.
        const { id, name } = await requireActiveProject(this.db, args.project, args.user);
        project = { id, name };
      } else {
        const session =
          args.session_id === undefined ? undefined : await this.sessions.requireActive(this.db, { session_id: args.session_id, user: args.user });
        if (session !== undefined && session.project_id !== null) project = { id: session.project_id, name: session.project_name ?? '' };
        else {
          const { id, name } = await resolveProject(this.db, undefined, session?.user_name ?? args.user, this.settings());
          project = { id, name };
        }
      }
    }
    const results = await this.db.query(
      `WITH scored AS (
         SELECT id, project_id, session_id, context_type, content, tags, metadata, importance, created_at,
                1 - (embedding <=> $1::vector) AS similarity,
                word_similarity($2, content) AS text_similarity
           FROM contexts
          WHERE ($3::uuid IS NULL OR project_id = $3::uuid)
            AND ($4::text IS NULL OR context_type = $4)
            AND tags @> $5::text[]
            AND importance >= $6
       )
       SELECT *, $7 * similarity + $8 * text_similarity AS score FROM scored
        WHERE similarity >= $9 OR text_similarity >= $10
        ORDER BY score DESC, created_at DESC LIMIT $11`,
      [
        toVectorLiteral(embed(args.query)),
        args.query,
        project?.id ?? null,
        args.type ?? null,
        args.tags,
        args.min_importance,
        EMBEDDING_WEIGHT,
        TRIGRAM_WEIGHT,
        LEAST_SIMILARITY,
        LEAST_WORD_SIMILARITY,
        args.limit,
      ],
    );
    return { results, count: results.length, project };
  }

  async delete(args: { context_id: string; user: string }): Promise<{ context_id: string; result: 'deleted' }> {
    return this.db.transaction(async (tx) => {
      const [row] = await tx.query<{ project_id: string; session_id: string | null }>(
        'DELETE FROM contexts WHERE id = $1 RETURNING project_id, session_id',
        [args.context_id],
      );
      if (row === undefined) throw new ToolError('not_found', `there is no context ${args.context_id}`);
      await recordEvents(tx, [
        {
          type: 'context_deleted',
          status: 'success',
          user: args.user,
          projectId: row.project_id,
          sessionId: row.session_id,
          detail: { context_id: args.context_id },
        },
      ]);
      return { context_id: args.context_id, result: 'deleted' };
    });
  }
}
