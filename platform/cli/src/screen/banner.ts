import { relative } from 'node:path';
import type { SystemConfig } from '../config.ts';

export interface BannerFacts {
  readonly system: SystemConfig;
  /** Of the services with a fixed port. */
  readonly urls: Readonly<Record<string, string>>;
  readonly demo: boolean;
  readonly seconds: number;
  /** `host:port` of the PostgreSQL, when it is not the embedded one. */
  readonly server: string | undefined;
  /** `host:port` of RabbitMQ, when it is the bus. */
  readonly rabbitmq: string | undefined;
  /** Services that were given up. */
  readonly failed: readonly string[];
  /** A link that opens the console, once. */
  readonly console?: string | undefined;
  readonly logFolder: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As it was given. */
  readonly dataDir: string | undefined;
  readonly inBackground: boolean;
}

const MOST_LINKS = 5;

/** At most ten lines: what runs, where it is reached, one line to try it, how to look on and to stop. */
export async function banner(facts: BannerFacts): Promise<readonly string[]> {
  const { system, urls, failed } = facts;
  const command = commandIn(facts);
  const welcome = (await system.welcome?.(urls, { ...facts, command })) ?? { links: urls };
  const links = Object.entries(welcome.links).slice(0, MOST_LINKS);
  if (facts.console !== undefined) links.push(['Console', facts.console]);
  const width = Math.max(0, ...links.map(([name]) => name.length));
  const state = failed.length === 0 ? 'is running' : `is running without ${failed.join(', ')}`;
  const places = [
    facts.server && `PostgreSQL (${facts.server})`,
    facts.rabbitmq && `RabbitMQ (${facts.rabbitmq})`,
  ];
  const on = places.filter(Boolean).join(' and ');
  return [
    `${system.name} ${state}${on && ` on ${on}`}, ready in ${facts.seconds.toFixed(1)} s`,
    ...links.map(([name, url]) => `  ${name.padEnd(width)}  ${url}`),
    ...(welcome.notes ?? []),
    ...(welcome.tryIt !== undefined && facts.demo && failed.length === 0 ? ['Try it:', welcome.tryIt] : []),
    howToGoOn(facts),
  ];
}

/** The commands work as they are printed. */
function howToGoOn(facts: BannerFacts): string {
  const { cwd, inBackground, logFolder } = facts;
  const command = commandIn(facts);
  const logs = relative(cwd, logFolder);
  const files = `files in ${logs.startsWith('..') ? logFolder : logs}`;
  return inBackground
    ? `In the background: ${command('ps')}, ${command('logs', '-f')} (${files}), ${command('down')}`
    : `Ctrl-C stops it. From another terminal: ${command('ps')}, ${command('logs', '-f')} (${files})`;
}

function commandIn({ dataDir }: BannerFacts): (...words: readonly string[]) => string {
  const where = dataDir === undefined ? [] : ['--data-dir', dataDir];
  return (...words) => ['npx', 'flotilla', ...words, ...where].map(quoteForShell).join(' ');
}

function quoteForShell(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
