import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '@flotilla/kernel';
import { type Command, flag, JSON_OPTION, text, texts } from '../command-line/command.ts';
import { FILE, textOf, type ValueKind } from '../command-line/value-kinds.ts';
import { cliError } from '../errors.ts';
import { describeProblems, readGatewayFile, STRICT_OPTION } from './gateway/gateway-file.ts';

const METHOD: ValueKind = {
  placeholder: '<method>',
  offers: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
};
const HEADER: ValueKind = {
  placeholder: "'<name>: <value>'",
  refuse: (given) => (given.indexOf(':') < 1 ? `takes 'Name: value', not ${given}` : undefined),
};

export const explain: Command = {
  name: 'explain',
  summary: 'shows which route of a gateway takes a request, why the others do not, and what is sent on',
  arguments: [{ kind: METHOD }, { kind: textOf('url') }],
  options: {
    config: {
      kind: FILE,
      help: 'the configuration, a file or a folder (default: gateway.json or ocelot.json here)',
    },
    header: { kind: HEADER, isRepeated: true, help: 'a header of the request; may be repeated' },
    ...STRICT_OPTION,
    ...JSON_OPTION,
  },
  example: "explain GET /products/sku-0001 --config shop/gateway/gateway.json --header 'Accept: */*'",
  run: async ({ values, positionals, cwd, env }) => {
    const [method = '', url = ''] = positionals;
    const path = text(values, 'config') ?? defaultPath(cwd);
    const headers = texts(values, 'header').map(parseHeader);
    const { config, problems } = await readGatewayFile(path, {
      cwd,
      env,
      strict: flag(values, 'ocelot-strict'),
      isEmbedded: true,
    });
    if (config === undefined)
      throw new PlatformError('GATEWAY_CONFIG_INVALID', describeProblems(path, problems));
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
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}
