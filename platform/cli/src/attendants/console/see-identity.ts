import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { IdentityDesk } from '@flotilla/console';
import type { SystemConfig } from '../../config.ts';
import type { Control } from '../../control/client.ts';
import { cliError } from '../../errors.ts';
import { startWith } from '../../launch/settings-pipe.ts';

const ANSWER_WITHIN_MS = 20_000;
const ASK_MS = 3_000;
/** How a task says that it was refused: anything else is a fault of its own, whose stack is nobody's. */
const REFUSAL = /^[\w-]+: (?<why>.+) \([A-Z_]+\)$/m;

/** The service that issues tokens, by the tasks that the command line runs; `undefined` where there is none. */
export function seeIdentity(system: SystemConfig, control: Control, root: string): IdentityDesk | undefined {
  const [issuer] =
    Object.entries(system.services).find(([, { issuesTokens = false, tasks }]) => issuesTokens && tasks) ??
    [];
  if (issuer === undefined) return undefined;

  async function run(task: string, args: readonly string[]): Promise<unknown> {
    const { entry, env } = await control.task(issuer ?? '', task);
    const start = startWith(env);
    const child = spawn(process.execPath, [...start.nodeArguments, entry, ...args], {
      cwd: root,
      env: start.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
      timeout: ANSWER_WITHIN_MS,
    });
    start.send(child);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, problem] = await Promise.all(
      [child.stdout, child.stderr].map((from) => (from ? text(from) : '')),
    );
    if ((await ended) !== 0)
      throw cliError('CLI_USAGE', REFUSAL.exec(problem ?? '')?.groups?.['why'] ?? `${task} has failed`);
    return JSON.parse(out ?? '');
  }

  return {
    ask: (task, ...given) => run(task, ['--json', '--', ...given]),
    change: (task, { by, reason }, ...given) =>
      run(task, ['--by', by, '--reason', reason, '--json', '--', ...given]),
    keys: async () => {
      const { issuer: published } = system;
      const instances = await control.instances();
      const url = instances.find(({ service }) => service === published?.service)?.url;
      if (!published || !url) throw cliError('CLI_NOT_RUNNING', 'nobody publishes keys now');
      return await publishedKeys(`${url}${published.path}`);
    },
  };
}

interface Published {
  readonly keys: readonly {
    readonly kid?: string;
    readonly alg?: string;
    readonly kty?: string;
    readonly use?: string;
  }[];
}

async function publishedKeys(issuer: string) {
  const ask = async <T>(url: string): Promise<T> => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) });
    if (!answer.ok) throw Object.assign(new Error('refused'), { code: `HTTP_${answer.status}` });
    return (await answer.json()) as T;
  };
  const { jwks_uri: address } = await ask<{ readonly jwks_uri: string }>(
    `${issuer}/.well-known/openid-configuration`,
  );
  const { keys } = await ask<Published>(address);
  return keys.map(({ kid, alg, kty, use }) => ({ kid, alg, kty, use }));
}
