import { cliError } from '../errors.ts';
import { type Command, flag, type Invocation, JSON_HELP, JSON_OPTION } from './command.ts';
import { describeProblems, readGatewayFile, STRICT_HELP, STRICT_OPTION } from './gateway-file.ts';

export const gateway: Command = {
  name: 'gateway',
  arguments: 'check <file> | schema',
  summary:
    'checks a gateway configuration with everything that is wrong in it, or prints the JSON schema of one',
  takes: [0, 2],
  options: { embedded: { type: 'boolean' }, ...STRICT_OPTION, ...JSON_OPTION },
  help: {
    embedded: 'providers, handlers and discovery that the file lacks are registered by the code that uses it',
    ...STRICT_HELP,
    ...JSON_HELP,
  },
  run: async (invocation) => {
    const [action = '', path] = invocation.positionals;
    if (action === 'check' && path !== undefined) return await check(invocation, path);
    if (action === 'schema' && path === undefined) return await printSchema();
    throw cliError('CLI_USAGE', 'usage: flotilla gateway check <file> | flotilla gateway schema');
  },
};

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
