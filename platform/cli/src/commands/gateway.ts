import { resolve } from 'node:path';
import type { GatewayProcessOptions } from '@flotilla/gateway';
import {
  type Command,
  flag,
  type Invocation,
  JSON_OPTION,
  number,
  text,
  texts,
  type Values,
} from '../command-line/command.ts';
import { FILE, oneOf, textOf, wholeNumber } from '../command-line/value-kinds.ts';
import { cliError } from '../errors.ts';
import { LOG_LEVELS } from '../logs/log-levels.ts';
import { silenceOf } from '../silence.ts';
import { describeProblems, readGatewayFile, STRICT_OPTION } from './gateway/gateway-file.ts';

const ACCESS_LOGS = ['sampled', 'all', 'off'] as const;
const PORT = wholeNumber(0, 65_535, 'port');

export const gateway: Command = {
  name: 'gateway',
  summary: 'runs a gateway by itself; checks its configuration; prints the schema of one',
  options: {
    config: { kind: FILE, help: 'the configuration, or a folder of ocelot.*.json to merge; required' },
    port: { kind: PORT, help: 'where it listens; required' },
    host: { kind: textOf('address'), help: 'the address it listens on (default 127.0.0.1)' },
    workers: {
      kind: wholeNumber(0, 64),
      help: 'processes that share the port, replaced when they end (default 1; 0: this process itself)',
    },
    'admin-port': {
      kind: PORT,
      help: 'the admin API on 127.0.0.1, with the token of FLOTILLA_GATEWAY_TOKEN or a new one that is shown once',
    },
    'health-port': {
      kind: PORT,
      help: 'health, readiness and metrics without a token, of all workers: /health/live, /health/ready, /metrics',
    },
    'health-host': { kind: textOf('address'), help: 'the address for it (default 127.0.0.1)' },
    h2c: {
      help: 'without TLS: HTTP/2 with prior knowledge instead of HTTP/1.1, for gRPC inside of a network',
    },
    'drain-timeout': {
      kind: wholeNumber(0, 3_600, 'seconds'),
      help: 'for requests in flight when it stops, s (default 8); DrainTimeout of the configuration wins; whoever stops it must wait longer before SIGKILL',
    },
    'access-log': {
      kind: oneOf(ACCESS_LOGS, 'which'),
      help: 'sampled (failures, slow ones and one in a hundred; the default), all or off',
    },
    'log-level': { kind: oneOf(LOG_LEVELS, 'level'), help: `${LOG_LEVELS.join(', ')} (default info)` },
    'tls-cert': {
      kind: FILE,
      isRepeated: true,
      help: 'a PEM file: the port then speaks TLS, HTTP/2 included; repeated, clients get the one that has the name they ask for, else the first',
    },
    'tls-key': { kind: FILE, isRepeated: true, help: 'its key, in the same order' },
    'tls-client-ca': {
      kind: FILE,
      help: 'a PEM file with the authorities of client certificates: clients are asked for one; ClientCertificateOptions say where it is needed',
    },
    'tls-require-client': { help: 'without such a certificate there is no connection' },
    ...STRICT_OPTION,
  },
  example: 'gateway --config gateway.json --port 8080',
  run: runIt,
  commands: [
    {
      name: 'check',
      summary: 'says everything that is wrong with a configuration, each with its place',
      arguments: [{ kind: FILE }],
      options: {
        embedded: {
          help: 'providers, handlers and discovery that the file lacks are registered by the code that uses it',
        },
        ...STRICT_OPTION,
        ...JSON_OPTION,
      },
      example: 'gateway check shop/gateway/gateway.json --embedded',
      run: check,
    },
    {
      name: 'key',
      summary: 'makes an API key, which is shown once, and the entry of `ApiKeys` that knows it by its hash',
      arguments: [{ kind: textOf('owner') }],
      options: JSON_OPTION,
      example: 'gateway key partner-a',
      run: makeKey,
    },
    {
      name: 'schema',
      summary: 'prints the JSON schema of a configuration, for editors',
      options: JSON_OPTION,
      example: 'gateway schema > gateway.schema.json',
      run: printSchema,
    },
  ],
};

/** Ends with the gateway, after a signal. */
async function runIt({ values, cwd, env }: Invocation): Promise<number> {
  const config = text(values, 'config');
  const port = number(values, 'port');
  if (config === undefined || port === undefined)
    throw cliError('CLI_USAGE', 'usage: flotilla gateway --config <file or folder> --port <n>');
  const { newAdminToken, runGateway, superviseWorkers } = await import('@flotilla/gateway');
  const adminPort = number(values, 'admin-port');
  const options: GatewayProcessOptions = {
    configPath: resolve(cwd, config),
    host: text(values, 'host') ?? '127.0.0.1',
    port,
    strict: flag(values, 'ocelot-strict'),
    accessLog: chosen(values, 'access-log', ACCESS_LOGS) ?? 'sampled',
    logLevel: chosen(values, 'log-level', LOG_LEVELS) ?? 'info',
    ...portOptions(values),
    ...(adminPort !== undefined && {
      admin: { port: adminPort, token: env['FLOTILLA_GATEWAY_TOKEN'] ?? showToken(newAdminToken()) },
    }),
    telemetry: telemetryOf(env),
    env,
    ...(env['REDIS_URL'] !== undefined && { redisUrl: env['REDIS_URL'] }),
    ...(env['CONSUL_HTTP_TOKEN'] && { consulToken: env['CONSUL_HTTP_TOKEN'] }),
  };
  const workers = number(values, 'workers') ?? 1;
  if (workers > 1 && adminPort !== undefined)
    throw cliError('CLI_USAGE', 'the admin API works on one process: use --workers 1 with it');
  if (workers === 0) await runGateway(options);
  else await superviseWorkers(options, workers, silenceOf(env));
  return Number(process.exitCode ?? 0);
}

/** OpenTelemetry's variables, as they are. */
function telemetryOf(env: Invocation['env']): Record<string, string> {
  const given = Object.entries(env).filter(([name]) => name.startsWith('OTEL_'));
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** What its ports speak, and how they end. */
function portOptions(
  values: Values,
): Pick<GatewayProcessOptions, 'tls' | 'health' | 'cleartext' | 'drainTimeoutMs'> {
  const tls = tlsOptions(values);
  if (flag(values, 'h2c') && tls !== undefined)
    throw cliError('CLI_USAGE', '--h2c is for a port without TLS: with it HTTP/2 is offered anyway');
  const healthPort = number(values, 'health-port');
  const drainSeconds = number(values, 'drain-timeout');
  return {
    ...(tls && { tls }),
    ...(healthPort !== undefined && {
      health: { port: healthPort, host: text(values, 'health-host') ?? '127.0.0.1' },
    }),
    ...(flag(values, 'h2c') && { cleartext: 'h2c' as const }),
    ...(drainSeconds !== undefined && { drainTimeoutMs: drainSeconds * 1_000 }),
  };
}

function tlsOptions(values: Values): GatewayProcessOptions['tls'] {
  const keyFiles = texts(values, 'tls-key');
  const certFiles = texts(values, 'tls-cert');
  if (certFiles.length !== keyFiles.length)
    throw cliError('CLI_USAGE', '--tls-cert and --tls-key belong together');
  const [first, ...more] = certFiles.map((certFile, index) => ({ certFile, keyFile: keyFiles[index] ?? '' }));
  const clientCaFile = text(values, 'tls-client-ca');
  const requiresClientCertificate = flag(values, 'tls-require-client');
  if (clientCaFile !== undefined && first === undefined)
    throw cliError('CLI_USAGE', '--tls-client-ca is for a port with TLS: give it --tls-cert and --tls-key');
  if (requiresClientCertificate && clientCaFile === undefined)
    throw cliError('CLI_USAGE', '--tls-require-client needs --tls-client-ca');
  if (first === undefined) return undefined;
  return { ...first, more, requiresClientCertificate, ...(clientCaFile !== undefined && { clientCaFile }) };
}

/** On the terminal, not in the log: whoever reads logs need not be able to change routes. */
function showToken(token: string): string {
  process.stderr.write(`the token of the admin API: ${token}\n`);
  return token;
}

function chosen<One extends string>(values: Values, name: string, of: readonly One[]): One | undefined {
  const given = text(values, name);
  return of.find((one) => one === given);
}

async function check({ values, positionals, cwd, env }: Invocation): Promise<number> {
  const [path = ''] = positionals;
  const how = { cwd, env, strict: flag(values, 'ocelot-strict') };
  const { config, problems } = await readGatewayFile(path, {
    ...how,
    isEmbedded: flag(values, 'embedded'),
  });
  const warnings = config?.warnings ?? [];
  if (flag(values, 'json')) {
    console.log(JSON.stringify({ valid: problems.length === 0, problems, warnings }, null, 2));
  } else if (config === undefined) {
    console.error(describeProblems(path, problems));
    const embedded = await readGatewayFile(path, { ...how, isEmbedded: true });
    const given = problems.filter((problem) => !(embedded.problems as readonly string[]).includes(problem));
    if (given.length > 0)
      console.error(`${countOf(given.length)} code can put right: with --embedded they are taken for given`);
  } else {
    for (const warning of warnings) console.log(`warning: ${warning}`);
    const { routes, aggregates, dynamic } = config;
    const parts = [`${routes.length} routes`, `${aggregates.length} aggregates`];
    if (dynamic !== undefined) parts.push('dynamic routes');
    console.log(`${path} is valid: ${parts.join(', ')}`);
  }
  return problems.length === 0 ? 0 : 1;
}

/** Of what the code registers that embeds the gateway. */
function countOf(problems: number): string {
  return problems === 1 ? 'One of these' : `${problems} of these`;
}

async function makeKey({ values, positionals }: Invocation): Promise<number> {
  const [id = ''] = positionals;
  const { newApiKey } = await import('@flotilla/gateway');
  const { key, hash } = newApiKey();
  const entry = { Id: id, KeyHash: hash };
  if (flag(values, 'json')) console.log(JSON.stringify({ key, entry }, null, 2));
  else console.log(`the key, which is nowhere else: ${key}\n${JSON.stringify(entry, null, 2)}`);
  return 0;
}

async function printSchema(): Promise<number> {
  const { configSchema } = await import('@flotilla/gateway');
  console.log(JSON.stringify(configSchema(), null, 2));
  return 0;
}
