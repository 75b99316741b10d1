import { resolve } from 'node:path';
import type { GatewayProcessOptions } from '@flotilla/gateway';
import { cliError } from '../errors.ts';
import { type Command, flag, type Invocation, JSON_HELP, JSON_OPTION, text, type Values } from './command.ts';
import { describeProblems, readGatewayFile, STRICT_HELP, STRICT_OPTION } from './gateway-file.ts';

export const gateway: Command = {
  name: 'gateway',
  arguments: '[check <file> | schema]',
  summary:
    'runs a gateway, checks its configuration with everything that is wrong in it, or prints its schema',
  takes: [0, 2],
  options: {
    config: { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    workers: { type: 'string' },
    'admin-port': { type: 'string' },
    'access-log': { type: 'string' },
    'log-level': { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    embedded: { type: 'boolean' },
    ...STRICT_OPTION,
    ...JSON_OPTION,
  },
  help: {
    config: 'the file, or a folder of ocelot.*.json to merge',
    port: 'where it listens',
    host: 'the address it listens on; 127.0.0.1 unless given',
    workers: 'processes that share the port, replaced when they end; 1 unless given, 0 = this process itself',
    'admin-port':
      'the admin API on 127.0.0.1, with the token of FLOTILLA_GATEWAY_TOKEN or a new one that is shown once',
    'access-log': 'sampled (failures, slow ones and one in a hundred), all or off',
    'log-level': 'debug, info, warn or error',
    'tls-cert': 'a PEM file: the port then speaks TLS, HTTP/2 included',
    'tls-key': 'its key',
    embedded: 'providers, handlers and discovery that the file lacks are registered by the code that uses it',
    ...STRICT_HELP,
    ...JSON_HELP,
  },
  run: async (invocation) => {
    const [action, path] = invocation.positionals;
    if (action === undefined) return await runIt(invocation);
    if (action === 'check' && path !== undefined) return await check(invocation, path);
    if (action === 'schema' && path === undefined) return await printSchema();
    throw cliError('CLI_USAGE', 'usage: flotilla gateway --config <file> --port <n> | check <file> | schema');
  },
};

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const ACCESS_LOGS = ['sampled', 'all', 'off'] as const;

/** Ends with the gateway, after a signal. */
async function runIt({ values, cwd, env }: Invocation): Promise<number> {
  const config = text(values, 'config');
  if (config === undefined || text(values, 'port') === undefined)
    throw cliError('CLI_USAGE', 'usage: flotilla gateway --config <file or folder> --port <n>');
  const { newAdminToken, runGateway, superviseWorkers } = await import('@flotilla/gateway');
  const certFile = text(values, 'tls-cert');
  const keyFile = text(values, 'tls-key');
  if ((certFile === undefined) !== (keyFile === undefined))
    throw cliError('CLI_USAGE', '--tls-cert and --tls-key belong together');
  const adminPort = number(values, 'admin-port', 65_535);
  const options: GatewayProcessOptions = {
    configPath: resolve(cwd, config),
    host: text(values, 'host') ?? '127.0.0.1',
    port: number(values, 'port', 65_535) ?? 0,
    strict: flag(values, 'ocelot-strict'),
    accessLog: oneOf(values, 'access-log', ACCESS_LOGS) ?? 'sampled',
    logLevel: oneOf(values, 'log-level', LOG_LEVELS) ?? 'info',
    ...(certFile !== undefined && keyFile !== undefined && { tls: { certFile, keyFile } }),
    ...(adminPort !== undefined && {
      admin: { port: adminPort, token: env['FLOTILLA_GATEWAY_TOKEN'] ?? showToken(newAdminToken()) },
    }),
    ...(env['REDIS_URL'] !== undefined && { redisUrl: env['REDIS_URL'] }),
    ...(env['CONSUL_HTTP_TOKEN'] && { consulToken: env['CONSUL_HTTP_TOKEN'] }),
  };
  const workers = number(values, 'workers', 64) ?? 1;
  if (workers > 1 && adminPort !== undefined)
    throw cliError('CLI_USAGE', 'the admin API works on one process: use --workers 1 with it');
  if (workers === 0) await runGateway(options);
  else await superviseWorkers(options, workers);
  return Number(process.exitCode ?? 0);
}

/** On the terminal, not in the log: whoever reads logs need not be able to change routes. */
function showToken(token: string): string {
  process.stderr.write(`the token of the admin API: ${token}\n`);
  return token;
}

function number(values: Values, name: string, largest: number): number | undefined {
  const given = text(values, name);
  if (given === undefined) return undefined;
  if (!/^\d{1,5}$/.test(given) || Number(given) > largest)
    throw cliError('CLI_USAGE', `--${name} must be a whole number from 0 to ${largest}, got ${given}`);
  return Number(given);
}

function oneOf<One extends string>(values: Values, name: string, allowed: readonly One[]): One | undefined {
  const given = text(values, name);
  const found = allowed.find((one) => one === given);
  if (given !== undefined && found === undefined)
    throw cliError('CLI_USAGE', `--${name} must be one of ${allowed.join(', ')}, got ${given}`);
  return found;
}

async function check({ values, cwd }: Invocation, path: string): Promise<number> {
  const { config, problems } = await readGatewayFile(path, {
    cwd,
    strict: flag(values, 'ocelot-strict'),
    isEmbedded: flag(values, 'embedded'),
  });
  const warnings = config?.warnings ?? [];
  if (flag(values, 'json')) {
    console.log(JSON.stringify({ valid: problems.length === 0, problems, warnings }, null, 2));
  } else if (config === undefined) {
    console.error(describeProblems(path, problems));
  } else {
    for (const warning of warnings) console.log(`warning: ${warning}`);
    const { routes, aggregates, dynamic } = config;
    const parts = [`${routes.length} routes`, `${aggregates.length} aggregates`];
    if (dynamic !== undefined) parts.push('dynamic routes');
    console.log(`${path} is valid: ${parts.join(', ')}`);
  }
  return problems.length === 0 ? 0 : 1;
}

async function printSchema(): Promise<number> {
  const { configSchema } = await import('@flotilla/gateway');
  console.log(JSON.stringify(configSchema(), null, 2));
  return 0;
}
