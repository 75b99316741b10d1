#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read: they are replaced here by the one that npm installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const runsTypeScript = major > 24 || (major === 24 && minor >= 7);

if (runsTypeScript) {
  // Halves the time until a command does something; without a data directory yet there is no place for it.
  if (existsSync('.flotilla')) module.enableCompileCache(join('.flotilla', 'compile-cache'));
  // Below an older Node that was killed: end as if asked to.
  if (process.env.FLOTILLA_NODE_REPLACED) {
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
    // Listening must not keep a command alive that has nothing left to do.
    process.channel?.unref();
  }
  await import('../src/main.ts');
} else {
  const node = findInstalledNode(dirname(fileURLToPath(import.meta.url)));
  if (node && !process.env.FLOTILLA_NODE_REPLACED) runAgain(node);
  else refuse();
}

function findInstalledNode(folder) {
  const node = join(folder, 'node_modules', '.bin', 'node');
  if (existsSync(node)) return node;
  return folder === dirname(folder) ? undefined : findInstalledNode(dirname(folder));
}

function runAgain(node) {
  const env = { ...process.env, FLOTILLA_NODE_REPLACED: '1' };
  const child = spawn(node, process.argv.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env });
  // The terminal sends Ctrl-C to both of us; a signal sent to this process alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
}

function refuse() {
  console.error(
    `flotilla needs Node 24.7 or newer, this is ${process.version}: run it through npm after \`npm ci\`.`,
  );
  process.exit(1);
}
