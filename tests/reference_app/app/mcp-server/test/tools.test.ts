import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, LineClient, makeReadyDatabase, startServer, type Json, type RunningServer, type TestDatabase } from './support.js';

let database: TestDatabase & { systemProject: string };
let server: RunningServer;
let client: LineClient;

before(async () => {
  database = await makeReadyDatabase();
  server = await startServer({
    DATABASE_URL: database.url,
    DEFAULT_PROJECT_ID: database.systemProject,
    MAX_CONCURRENT_SESSIONS: '3',
    MAX_PROJECTS_PER_USER: '3',
    ENABLE_ANALYTICS: 'true',
    METRICS_COLLECTION_INTERVAL: '200',
    SESSION_PERSISTENCE_INTERVAL: '200',
  });
  client = await LineClient.connect(server.mcpPort);
});
after(async () => {
  client.close();
  await server.stop();
  await database.drop();
});

interface NewSession {
  session: { id: string; user: string };
  project: { id: string; name: string };
  resolved_by: string;
  superseded: string[];
}

async function sessionNew(params: Json): Promise<NewSession> {
  return (await client.call('session_new', params)) as unknown as NewSession;
}

async function projectNew(params: Json): Promise<string> {
  return String(((await client.call('project_create', params))['project'] as Json)['id']);
}

async function activeSessions(user: string): Promise<number> {
  const [row] = await database.query("SELECT count(*)::int AS n FROM sessions WHERE user_name = $1 AND status = 'active'", [user]);
  return Number(row?.['n']);
}

test('the four levels, each before the next', async () => {
  const user = 'levels';
  assert.equal((await sessionNew({ user })).project.id, database.systemProject);
  assert.equal((await sessionNew({ user: 'levels two' })).resolved_by, 'system_default');

  const primary = await projectNew({ name: 'levels primary', user, primary: true });
  // Used before: the system project. Last use comes before the primary one.
  assert.equal((await sessionNew({ user })).resolved_by, 'last_used');
  const newcomer = 'levels newcomer';
  const newPrimary = await projectNew({ name: 'newcomer primary', user: newcomer, primary: true });
  const first = await sessionNew({ user: newcomer });
  assert.deepEqual([first.resolved_by, first.project.id], ['user_primary', newPrimary]);

  const named = await sessionNew({ user, project: 'levels primary' });
  assert.deepEqual([named.resolved_by, named.project.id], ['named', primary]);
  assert.deepEqual((await sessionNew({ user, project: primary })).project, { id: primary, name: 'levels primary' });
  const last = await sessionNew({ user });
  assert.deepEqual([last.resolved_by, last.project.id], ['last_used', primary]);
});

test('a project that is archived or gone is not resolved to any more', async () => {
  const user = 'leaver';
  const id = await projectNew({ name: 'leaver one', user, primary: true });
  await sessionNew({ user, project: id });
  await client.call('project_delete', { project: id, user });
  assert.equal((await sessionNew({ user })).resolved_by, 'system_default');
  assert.match((await client.refused('session_new', { user, project: 'leaver one' })).message, /is archived/);
  const purged = await projectNew({ name: 'leaver two', user });
  await client.call('context_store', { content: 'x', project: purged, user });
  await client.call('project_delete', { project: purged, user, purge: true });
  assert.deepEqual(await database.query('SELECT id FROM projects WHERE id = $1', [purged]), []);
  assert.deepEqual(await database.query('SELECT id FROM contexts WHERE project_id = $1', [purged]), []);
});

test('the system default project cannot be deleted', async () => {
  const refused = await client.refused('project_delete', { project: database.systemProject, purge: true });
  assert.deepEqual(refused.data, { code: 'forbidden' });
});

test('a name that is new makes a project, an id that is new does not', async () => {
  const made = await sessionNew({ user: 'maker', project: 'made on the way' });
  const [row] = await database.query('SELECT owner FROM projects WHERE id = $1', [made.project.id]);
  assert.equal(row?.['owner'], 'maker');
  assert.equal((await client.refused('session_new', { project: '00000000-0000-4000-8000-000000000000' })).data?.['code'], 'not_found');
});

test('of equal names the own project is taken, then the oldest', async () => {
  const insert = 'INSERT INTO projects (name, owner, created_at) VALUES ($1, $2, $3) RETURNING id';
  const [old] = await database.query(insert, ['twice', null, '2020-01-01']);
  const [own] = await database.query(insert, ['twice', 'owner', '2021-01-01']);
  assert.equal((await sessionNew({ user: 'owner', project: 'twice' })).project.id, own?.['id']);
  assert.equal((await sessionNew({ user: 'stranger', project: 'twice' })).project.id, old?.['id']);
});

test('many session_new at once: none is lost, the limit holds, one project is made', async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => LineClient.connect(server.mcpPort)));
  const answers = await Promise.all(clients.map((one) => one.call('session_new', { user: 'crowd', project: 'crowd project' })));
  for (const one of clients) one.close();
  const made = answers as unknown as NewSession[];
  assert.equal(new Set(made.map(({ session }) => session.id)).size, 12);
  assert.equal(new Set(made.map(({ project }) => project.id)).size, 1);
  assert.equal(new Set(made.flatMap(({ superseded }) => superseded)).size, 9);
  assert.equal(await activeSessions('crowd'), 3);
  assert.equal((await database.query("SELECT id FROM projects WHERE name = 'crowd project'")).length, 1);
});

test('many project_create of one name at once: one is made', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => LineClient.connect(server.mcpPort)));
  const outcomes = await Promise.allSettled(clients.map((one, i) => one.call('project_create', { name: 'contested', user: `contestant ${i % 2}` })));
  for (const one of clients) one.close();
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('the session idle longest gives way', async () => {
  const user = 'busy';
  const [a, b, c] = [await sessionNew({ user }), await sessionNew({ user }), await sessionNew({ user })];
  await client.call('context_store', { content: 'keeps it awake', session_id: a.session.id, user });
  await eventually('activity is written', async () => {
    const [row] = await database.query('SELECT tool_calls FROM sessions WHERE id = $1', [a.session.id]);
    return row?.['tool_calls'] === 1;
  });
  assert.deepEqual((await sessionNew({ user })).superseded, [b.session.id]);
  const status = (await client.call('session_status', { session_id: b.session.id }))['session'] as Json;
  assert.deepEqual([status['status'], status['end_reason']], ['ended', 'superseded']);
  assert.match((await client.refused('context_store', { content: 'x', session_id: b.session.id })).message, /is ended/);
  assert.equal(((await client.call('session_status', { session_id: c.session.id }))['session'] as Json)['status'], 'active');
});

test('the limit of projects', async () => {
  for (let i = 0; i < 3; i += 1) await projectNew({ name: `collector ${i}`, user: 'collector' });
  assert.equal((await client.refused('project_create', { name: 'collector 3', user: 'collector' })).data?.['code'], 'limit');
  assert.equal((await client.refused('session_new', { project: 'collector 3', user: 'collector' })).data?.['code'], 'limit');
  await client.call('project_delete', { project: 'collector 0', user: 'collector' });
  await projectNew({ name: 'collector 3', user: 'collector' });
});

test('switching: the session moves, later sessions follow, the primary changes', async () => {
  const user = 'switcher';
  const one = await projectNew({ name: 'switcher one', user, primary: true });
  const two = await projectNew({ name: 'switcher two', user });
  const { session } = await sessionNew({ user });
  assert.deepEqual(await client.call('project_switch', { project: 'switcher two', user, primary: true }), {
    session_id: session.id,
    project: { id: two, name: 'switcher two' },
    previous_project_id: one,
  });
  assert.equal((await sessionNew({ user })).project.id, two);
  const primaries = await database.query('SELECT id FROM projects WHERE owner = $1 AND is_primary', [user]);
  assert.deepEqual(primaries, [{ id: two }]);
  assert.equal((await client.refused('project_switch', { project: database.systemProject, user, primary: true })).data?.['code'], 'forbidden');
  assert.equal((await client.refused('project_switch', { project: two, user: 'nobody' })).data?.['code'], 'not_found');
});

test('sessions end once, and with purge leave no row', async () => {
  const { session } = await sessionNew({ user: 'ender' });
  assert.deepEqual(await client.call('session_end', { session_id: session.id }), { session_id: session.id, result: 'ended' });
  assert.equal((await client.refused('session_end', { session_id: session.id })).data?.['code'], 'conflict');
  assert.equal((await client.call('session_end', { session_id: session.id, purge: true }))['result'], 'purged');
  assert.deepEqual(await database.query('SELECT id FROM sessions WHERE id = $1', [session.id]), []);
  assert.equal((await client.refused('session_status', { session_id: session.id })).data?.['code'], 'not_found');
});

test('contexts: stored by session, found by wording, filtered, deleted', async () => {
  const user = 'writer';
  const { session, project } = await sessionNew({ user, project: 'writer project' });
  const store = async (content: string, more: Json = {}): Promise<string> => {
    const stored = await client.call('context_store', { content, session_id: session.id, user, ...more });
    assert.deepEqual([stored['project'], stored['resolved_by']], [project, 'session']);
    return String((stored['context'] as Json)['id']);
  };
  const heron = await store('The heron waits at the weir for the evening flood.', { tags: ['bird', 'water'] });
  const invoice = await store('Quarterly invoices are archived in the northern office.', { type: 'decision' });
  const search = async (params: Json): Promise<string[]> =>
    ((await client.call('context_search', { project: project.id, ...params }))['results'] as Json[]).map(({ id }) => String(id));
  assert.equal((await search({ query: 'herons at weirs' }))[0], heron);
  assert.equal((await search({ query: 'archive of invoices' }))[0], invoice);
  assert.deepEqual(await search({ query: 'invoices archived', tags: ['bird'] }), []);
  assert.deepEqual(await search({ query: 'invoices archived', type: 'decision' }), [invoice]);
  assert.deepEqual(await search({ query: 'zzzz qqqq xxxx' }), []);
  assert.deepEqual(((await client.call('context_search', { query: 'invoices archived', project: database.systemProject }))['results']), []);
  assert.ok(((await client.call('context_search', { query: 'invoices archived', all_projects: true }))['count'] as number) >= 1);
  await client.call('context_delete', { context_id: heron });
  assert.deepEqual(await search({ query: 'heron', tags: ['bird'] }), []);
  assert.equal((await client.refused('context_delete', { context_id: heron })).data?.['code'], 'not_found');
  const statusOf = (await client.call('session_status', { session_id: session.id }))['session'] as Json;
  assert.equal(statusOf['contexts'], 1);
});

test('searching does not make projects', async () => {
  assert.equal((await client.refused('context_search', { query: 'x', project: 'never made' })).data?.['code'], 'not_found');
});

test('text that is SQL, quotes or wildcards is only text', async () => {
  const name = `Robert'); DROP TABLE projects;-- %_"\\`;
  const id = await projectNew({ name, user: 'quoter' });
  assert.equal((await sessionNew({ user: 'quoter', project: name })).project.id, id);
  assert.equal((await client.refused('context_store', { content: 'a\u0000b', user: 'quoter' })).data?.['code'], 'invalid');
});

test('events of success and of failure', async () => {
  const user = 'witness';
  const { session, project } = await sessionNew({ user, project: 'witness project' });
  await client.refused('project_switch', { project: 'not there', user });
  await client.refused('session_new', { project: '00000000-0000-4000-8000-000000000000', user });
  const rows = await database.query(
    'SELECT event_type, status, project_id, session_id FROM event_log WHERE user_name = $1 ORDER BY id',
    [user],
  );
  const ours = { project_id: project.id, session_id: session.id };
  const none = { project_id: null, session_id: null };
  assert.deepEqual(rows, [
    { event_type: 'project_created', status: 'success', project_id: project.id, session_id: null },
    { event_type: 'session_created', status: 'success', ...ours },
    { event_type: 'project_assigned', status: 'success', ...ours },
    { event_type: 'project_assigned', status: 'failure', ...none },
    { event_type: 'session_created', status: 'failure', ...none },
  ]);
});

test('analytics: figures, patterns of tags, counts of code', async () => {
  const { project } = await sessionNew({ user: 'analyst', project: 'analyst project' });
  for (let i = 0; i < 3; i += 1) await client.call('context_store', { content: `pair ${i}`, tags: ['left', 'right'], project: project.id, user: 'analyst' });
  await client.call('context_store', { content: 'alone', tags: ['other'], project: project.id, user: 'analyst' });
  await client.call('context_store', { content: 'if (a) {\n  b();\n}\n', type: 'code', project: project.id, user: 'analyst' });
  await eventually('figures are written', async () => (await database.query('SELECT 1 FROM metrics_collection_sessions LIMIT 1')).length === 1);
  await eventually('patterns are found', async () => {
    const rows = await database.query("SELECT 1 FROM pattern_discovery_sessions WHERE project_id = $1 AND patterns @> '[{\"tags\": [\"left\", \"right\"]}]'", [project.id]);
    return rows.length > 0;
  });
  const [code] = await database.query('SELECT lines_total, lines_code FROM code_analysis_sessions WHERE project_id = $1', [project.id]);
  assert.deepEqual(code, { lines_total: 3, lines_code: 3 });
  const [complexity] = await database.query('SELECT decision_points FROM complexity_analysis_sessions WHERE project_id = $1', [project.id]);
  assert.deepEqual(complexity, { decision_points: 1 });
});

test('idle sessions expire', async () => {
  const { session } = await sessionNew({ user: 'sleeper' });
  await database.query("UPDATE sessions SET last_activity_at = now() - interval '9 hours' WHERE id = $1", [session.id]);
  await eventually('the session is expired', async () => {
    const [row] = await database.query('SELECT status FROM sessions WHERE id = $1', [session.id]);
    return row?.['status'] === 'expired';
  });
});
