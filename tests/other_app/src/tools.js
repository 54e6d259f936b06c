'use strict';

const { randomUUID } = require('node:crypto');

/** A fault of the caller, told to the caller; anything else is a fault of the server. */
class CallError extends Error {}

function text(input, name) {
  const value = input[name];
  if (typeof value !== 'string' || value.trim() === '') throw new CallError(`${name} must be a text`);
  return value;
}

/** The tools by their names; each takes its input and answers with an object, from the database. */
function tools(pool, config) {
  const rows = async (query, values) => (await pool.query(query, values)).rows;

  return {
    async workspace_list() {
      return { workspaces: await rows('SELECT workspace_id, label, state FROM desk.workspaces ORDER BY label') };
    },

    async greeting() {
      const [workspace] = await rows('SELECT label FROM desk.workspaces WHERE workspace_id = $1', [config.workspace]);
      if (!workspace) throw new CallError(`there is no workspace ${config.workspace} (DEFAULT_WORKSPACE)`);
      return { workspace: workspace.label, ...config.greeting };
    },

    async thread_open(input) {
      const [thread] = await rows(
        'INSERT INTO desk.threads (thread_id, workspace_id, topic) VALUES ($1, $2, $3) RETURNING *',
        [randomUUID(), input.workspace_id ?? config.workspace, text(input, 'topic')],
      );
      return { thread };
    },

    async thread_drop(input) {
      const dropped = await rows('DELETE FROM desk.threads WHERE thread_id = $1 RETURNING thread_id', [text(input, 'thread_id')]);
      if (dropped.length === 0) throw new CallError('there is no such thread');
      return { dropped: dropped[0].thread_id };
    },

    async note_add(input) {
      const [note] = await rows(
        'INSERT INTO desk.notes (thread_id, body) VALUES ($1, $2) RETURNING note_id, body',
        [text(input, 'thread_id'), text(input, 'body')],
      );
      return { note };
    },

    async note_find(input) {
      return {
        notes: await rows(
          'SELECT note_id, thread_id, body FROM desk.notes WHERE strpos(lower(body), lower($1)) > 0 ORDER BY note_id',
          [text(input, 'words')],
        ),
      };
    },
  };
}

/** Call a tool by name. Throws CallError for what the caller did wrong, constraints of the tables included. */
async function call(offered, name, input) {
  if (!Object.hasOwn(offered, name)) throw new CallError(`there is no tool ${name}`);
  try {
    return await offered[name](input ?? {});
  } catch (error) {
    // Classes 22 and 23 of SQLSTATE: a value that does not fit its column, a row that refers to nothing.
    if (/^2[23]/.test(error.code ?? '')) throw new CallError(error.message);
    throw error;
  }
}

module.exports = { tools, call, CallError };
