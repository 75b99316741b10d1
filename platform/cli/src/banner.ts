import { relative } from 'node:path';
import type { SystemConfig } from './config.ts';

export interface BannerFacts {
  readonly system: SystemConfig;
  /** Of the services with a fixed port. */
  readonly urls: Readonly<Record<string, string>>;
  readonly demo: boolean;
  readonly seconds: number;
  /** `host:port` of RabbitMQ, when it is the bus. */
  readonly rabbitmq: string | undefined;
  /** Services that were given up. */
  readonly failed: readonly string[];
  readonly logFolder: string;
  readonly cwd: string;
}

const MOST_LINKS = 5;

/** At most ten lines: what runs, where it is reached, one line to try it, how to look on and to stop. */
export function banner(facts: BannerFacts): readonly string[] {
  const { system, urls, failed } = facts;
  const welcome = system.welcome?.(urls) ?? { links: urls };
  const links = Object.entries(welcome.links).slice(0, MOST_LINKS);
  const width = Math.max(0, ...links.map(([name]) => name.length));
  const state = failed.length === 0 ? 'is running' : `is running without ${failed.join(', ')}`;
  const bus = facts.rabbitmq === undefined ? '' : ` on RabbitMQ (${facts.rabbitmq})`;
  const logs = relative(facts.cwd, facts.logFolder);
  return [
    `${system.name} ${state}${bus}, ready in ${facts.seconds.toFixed(1)} s`,
    ...links.map(([name, url]) => `  ${name.padEnd(width)}  ${url}`),
    ...(welcome.tryIt !== undefined && facts.demo && failed.length === 0 ? ['Try it:', welcome.tryIt] : []),
    `Ctrl-C stops it. From another terminal: npx flotilla ps, npx flotilla logs -f (files in ${logs.startsWith('..') ? facts.logFolder : logs})`,
  ];
}
