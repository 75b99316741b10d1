import type { KeyShape, SectionShape } from '../grammar/shape.ts';
import { LIMITS } from '../policies/limits/config.ts';
import { DEFAULT_LIMITS } from '../wire/client/options.ts';
import { BACKEND, CLIENT } from '../wire/rules/limits.ts';
import { GLOBAL } from './global.ts';

const INTRODUCTION = `# Limits of the gateway

Generated from the code that holds them (\`npm run generate\`). Those of clients are in force for connections that begin after a change of
the file, those of ports when a port is opened.
`;

/** Keys of routes, and as defaults of \`GlobalConfiguration\`, that limit something. */
const OF_ROUTES: readonly (readonly [path: string, key: keyof typeof GLOBAL, inner?: string])[] = [
  ['Timeout', 'Timeout'],
  ['QoSOptions.Timeout', 'QoSOptions', 'Timeout'],
  ['SilenceTimeout', 'SilenceTimeout'],
  ['MaxRequestBodySize', 'MaxRequestBodySize'],
  ['WebSocketOptions.IdleTimeout', 'WebSocketOptions', 'IdleTimeout'],
  ['HttpHandlerOptions.MaxConnectionsPerServer', 'HttpHandlerOptions', 'MaxConnectionsPerServer'],
  [
    'HttpHandlerOptions.PooledConnectionLifetimeSeconds',
    'HttpHandlerOptions',
    'PooledConnectionLifetimeSeconds',
  ],
];

const FIXED: readonly (readonly [what: string, value: number, unit: string])[] = [
  ['name of a header', CLIENT.maxNameBytes, 'B'],
  ['parts of a `Range`', CLIENT.maxRanges, ''],
  ['trailers behind a body', CLIENT.maxTrailerBytes, 'B'],
  ['lines of trailers', CLIENT.maxTrailers, ''],
  ['after the last answer, for the client to read it', DEFAULT_LIMITS.lingerMs / 1_000, 's'],
  ['of a body that nobody wants, before the connection is closed instead', DEFAULT_LIMITS.discardBytes, 'B'],
  ['of bodies and further requests before they are asked for', DEFAULT_LIMITS.heldBytes, 'B'],
  ["head of a back end's answer", BACKEND.maxHeadBytes, 'B'],
];

/** Every limit with unit and default, in Markdown. */
export function limitsReference(): string {
  const head = '| key | default | |\n| --- | --- | --- |';
  const ofClients = Object.entries(LIMITS).map(([key, shape]) => row(key, shape));
  const ofRoutes = OF_ROUTES.map(([path, key, inner]) => row(path, shapeOf(GLOBAL[key], inner)));
  const fixed = FIXED.map(([what, value, unit]) => `| ${what} | ${value.toLocaleString('en')} ${unit} |`);
  return [
    INTRODUCTION,
    `## Of clients: \`GlobalConfiguration.LimitOptions\`\n\n${head}\n${ofClients.join('\n')}\n`,
    `## Of routes\n\n${head}\n${ofRoutes.join('\n')}\n`,
    `## Without a key\n\n| | |\n| --- | --- |\n${fixed.join('\n')}\n`,
  ].join('\n');
}

function shapeOf(shape: KeyShape, inner: string | undefined): KeyShape {
  const found = inner === undefined ? shape : ('shape' in shape ? (shape.shape as SectionShape) : {})[inner];
  if (found === undefined) throw new RangeError(`there is no key ${inner}`);
  return found;
}

function row(key: string, { default: value, doc }: KeyShape): string {
  const shown = typeof value === 'number' ? value.toLocaleString('en') : (value ?? 'none');
  return `| \`${key}\` | ${shown} | ${doc} |`;
}
