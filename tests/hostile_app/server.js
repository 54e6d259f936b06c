// Tries what a server that was broken into would try. What came of each try is served as JSON on the HTTP port. A port of
// MCP answers, so that the release passes the gate of a deployment. A try that is not refused leaves things as they were:
// what is set is set to what it is, what is made is removed.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');

const root = '/opt/aidis';
const read = (path) => () => fs.readFileSync(path).length;
const list = (path) => () => fs.readdirSync(path).length;
const write = (path) => () => {
  fs.writeFileSync(path, 'x');
  fs.unlinkSync(path);
};
const run = (...command) => () => execFileSync(command[0], command.slice(1), { stdio: 'pipe', timeout: 5000 }).length;

// The environment of another process that has one, where any can be read.
function environments() {
  const others = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = others.filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/environ`).length > 0;
    } catch {
      return false;
    }
  });
  if (found.length === 0) throw Object.assign(new Error(`none of ${others.length} can be read`), { code: 'EACCES' });
  return found.length;
}

const setting = '/proc/sys/kernel/panic';

// In a process of its own, since there is no way back.
const become = run(process.execPath, '-e', 'process.setuid(0)');

function mount() {
  execFileSync('/usr/bin/unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'pipe', timeout: 5000 });
}

function device() {
  const path = '/var/log/aidis/device';
  execFileSync('/usr/bin/mknod', [path, 'c', '1', '3'], { stdio: 'pipe', timeout: 5000 });
  fs.unlinkSync(path);
}

const tries = {
  'read a file in /home': read('/home/admin/.ssh/authorized_keys'),
  'read a file in /root': read('/root/.profile'),
  'read /etc/shadow': read('/etc/shadow'),
  'read the ledger of backups': list('/var/backups/aidis'),
  'read the copies of configurations': list('/var/lib/aidis/inputs'),
  'read the key of the database': read('/etc/postgresql/tls/server.key'),
  'read the environment of another process': environments,
  'write into its release': write(`${root}/current/x`),
  'write beside its release': write(`${root}/releases/x`),
  'write its configuration': write('/etc/aidis/x'),
  'write the state of the deployment': write('/var/lib/aidis/x'),
  'write into /etc': write('/etc/x'),
  'write into /usr/local/bin': write('/usr/local/bin/x'),
  'write into /var/tmp of the host': write('/var/lib/x'),
  'write a setting of the kernel': () => fs.writeFileSync(setting, fs.readFileSync(setting)),
  'become root': become,
  'become root by sudo': run('/usr/bin/sudo', '-n', 'true'),
  'mount a file system': mount,
  'make a namespace of users': run('/usr/bin/unshare', '--map-root-user', 'true'),
  'load a module of the kernel': run('/usr/sbin/modprobe', '--first-time', 'dummy'),
  'make a device': device,
  'set the clock': run('/bin/sh', '-c', 'date --set "$(date)"'),
  'signal the first process': () => process.kill(1, 0),
};

function all() {
  const found = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try {
      attempt();
      found[name] = 'done';
    } catch (error) {
      found[name] = `refused: ${error.code ?? String(error.stderr || error.message).trim()}`;
    }
  }
  return found;
}

const answer = (socket) => socket.on('data', () => socket.write('{"result":{}}\n')).on('error', () => {});
net.createServer(answer).listen(Number(process.env.MCP_PORT), '127.0.0.1');
http
  .createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/tries' ? all() : { status: 'ok', database: true }));
  })
  .listen(Number(process.env.HTTP_PORT), '127.0.0.1');
