/**
 * `node chaos/check.ts [--data-dir <dir>]`: checks the running system at rest, prints a table, and exits with 1 when
 * something is violated.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Finding, violated } from './invariants.ts';
import { checkLive } from './live.ts';

const SHOWN = 3;
const FLOTILLA = join(import.meta.dirname, '../node_modules/.bin/flotilla');

async function uriOf(service: string): Promise<string> {
  const { stdout } = await promisify(execFile)(FLOTILLA, [
    'db',
    'uri',
    service,
    '--json',
    ...process.argv.slice(2),
  ]);
  const answer: unknown = JSON.parse(stdout);
  if (typeof answer !== 'object' || answer === null || !('uri' in answer) || typeof answer.uri !== 'string')
    throw new Error(`"flotilla db uri ${service} --json" did not answer with a uri`);
  return answer.uri;
}

function lines(finding: Finding): readonly string[] {
  const { id, what, violations, skipped } = finding;
  const verdict = skipped ?? (violations.length === 0 ? 'ok' : `${violations.length} VIOLATED`);
  const rows = violations.slice(0, SHOWN).map((violation) => `       ${JSON.stringify(violation)}`);
  return [`${id.padEnd(4)} ${verdict.padEnd(12)} ${what}`, ...rows];
}

const findings = await checkLive(uriOf, 'at-rest');
console.log(findings.flatMap(lines).join('\n'));
const broken = violated(findings);
const names = broken.map(({ id }) => id).join(', ');
console.log(`\n${findings.length} invariants, ${broken.length} violated ${names}`);
process.exitCode = broken.length > 0 ? 1 : 0;
