'use strict';

// The configuration is the process's environment and nothing else: no file is read here, so what systemd makes of
// its EnvironmentFile= is what the server works with. PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE are read by
// `pg` itself, raw.
const REQUIRED = [
  'PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE', 'LISTEN', 'HEALTH_LISTEN', 'DEFAULT_WORKSPACE',
  'RUNTIME_DIRECTORY', 'STATE_DIRECTORY',
];

/** `address:port` of a variable, as net.Server.listen takes it. */
function endpoint(name, environment) {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(environment[name]);
  if (!match) throw new Error(`${name} must be ADDRESS:PORT, it is '${environment[name]}'`);
  return { host: match[1], port: Number(match[2]) };
}

/** What the server needs to know. Throws one error that names every missing variable. */
function load(environment) {
  const missing = REQUIRED.filter((name) => !environment[name]);
  if (missing.length > 0) throw new Error(`not set: ${missing.join(', ')}`);
  return {
    lines: endpoint('LISTEN', environment),
    health: endpoint('HEALTH_LISTEN', environment),
    workspace: environment.DEFAULT_WORKSPACE,
    runtimeDirectory: environment.RUNTIME_DIRECTORY,
    stateDirectory: environment.STATE_DIRECTORY,
    greeting: { banner: environment.BANNER ?? '', prompt: environment.PROMPT ?? '', channel: environment.CHANNEL ?? '' },
  };
}

module.exports = { load };
