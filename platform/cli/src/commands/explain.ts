import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cliError } from '../errors.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text, texts } from './command.ts';
import { describeProblems, readGatewayFile, STRICT_HELP, STRICT_OPTION } from './gateway-file.ts';

export const explain: Command = {
  name: 'explain',
  arguments: '<method> <url>',
  summary: 'shows which route of a gateway takes a request, why the others do not, and the upstream request',
  takes: [2, 2],
  options: {
    config: { type: 'string' },
    header: { type: 'string', multiple: true },
    ...STRICT_OPTION,
    ...JSON_OPTION,
  },
  help: {
    config: 'the configuration, a file or a folder (default: gateway.json or ocelot.json here)',
    header: "a header of the request, 'Name: value'; may be repeated",
    ...STRICT_HELP,
    ...JSON_HELP,
  },
  run: async ({ values, positionals, cwd }) => {
    const [method = '', url = ''] = positionals;
    const path = text(values, 'config') ?? defaultPath(cwd);
    const headers = texts(values, 'header').map(parseHeader);
    const { config, problems } = await readGatewayFile(path, {
      cwd,
      strict: flag(values, 'ocelot-strict'),
      isEmbedded: true,
    });
    if (config === undefined) {
      console.error(describeProblems(path, problems));
      return 1;
    }
    const { explainUrl, formatExplanation } = await import('@flotilla/gateway');
    const explanation = explainUrl(config, { method: method.toUpperCase(), url, headers });
    const json = flag(values, 'json');
    console.log(json ? JSON.stringify(explanation, null, 2) : formatExplanation(explanation));
    return explanation.winner === undefined ? 1 : 0;
  },
};

const DEFAULT_PATHS = ['gateway.json', 'ocelot.json'];

function defaultPath(cwd: string): string {
  const path = DEFAULT_PATHS.find((name) => existsSync(join(cwd, name)));
  if (path === undefined)
    throw cliError('CLI_USAGE', `there is no ${DEFAULT_PATHS.join(' or ')} here: give --config FILE`);
  return path;
}

function parseHeader(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 1) throw cliError('CLI_USAGE', `--header takes 'Name: value', not ${line}`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}
