import { hostInUrl } from '@flotilla/kernel/addresses';
import type { Exchange, Step } from '../../exchange.ts';
import type { Origin } from '../../wire/backend/backend-call.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, type FieldName, type Fields, removeField, setField } from '../../wire/rules/fields.ts';
import type { HeaderTransform } from './config.ts';

export interface TransformDeps {
  readonly baseUrl: string;
  /** An entry that has no effect, told once. */
  readonly onWarning: (text: string) => void;
}

/** Changes the fields of a back end's response; `downstreamBaseUrl` is that of the back end that gave it. */
export type ResponseTransform = (exchange: Exchange, fields: Fields, downstreamBaseUrl: string) => void;

type Edit = (fields: Fields, exchange: Exchange, downstreamBaseUrl: string) => void;

/** Runs after the gateway's own fields were added, which an entry may override. */
export function compileRequestTransforms(
  transforms: readonly HeaderTransform[],
  deps: TransformDeps,
): Step | undefined {
  const edits = compileEdits(transforms, 'request', deps);
  if (edits.length === 0) return undefined;
  return (exchange) => {
    for (const edit of edits) edit(exchange.outgoing.fields, exchange, '');
    return undefined;
  };
}

/** For answers of back ends, cached ones too; not for those that the gateway gives by itself. */
export function compileResponseTransforms(
  transforms: readonly HeaderTransform[],
  deps: TransformDeps,
): ResponseTransform | undefined {
  const edits = compileEdits(transforms, 'answer', deps);
  if (edits.length === 0) return undefined;
  return (exchange, fields, downstreamBaseUrl) => {
    for (const edit of edits) edit(fields, exchange, downstreamBaseUrl);
  };
}

/** `scheme://host[:port]/`, the port left out if it is 80 or 443. */
export function downstreamBaseUrl({ secure, host, port }: Origin): string {
  const suffix = port === 80 || port === 443 ? '' : `:${port}`;
  return `${secure ? 'https' : 'http'}://${hostInUrl(host)}${suffix}/`;
}

type Direction = 'request' | 'answer';

/** Find-and-replace entries run first. */
function compileEdits(
  transforms: readonly HeaderTransform[],
  direction: Direction,
  deps: TransformDeps,
): readonly Edit[] {
  const inOrder = [
    ...transforms.filter(({ kind }) => kind === 'replace'),
    ...transforms.filter(({ kind }) => kind !== 'replace'),
  ];
  return inOrder.flatMap((transform) => compileEdit(transform, direction, deps) ?? []);
}

/** Routing and framing are decided elsewhere; a second voice on them would be request smuggling. */
const UNTOUCHABLE: ReadonlySet<string> = new Set(['host', 'content-length']);

function compileEdit(
  transform: HeaderTransform,
  direction: Direction,
  { baseUrl, onWarning }: TransformDeps,
): Edit | undefined {
  const name = fieldName(transform.header);
  if (name.isHopByHop || UNTOUCHABLE.has(name.lower)) {
    onWarning(`a header transform cannot change ${name.text}`);
    return undefined;
  }
  if (transform.kind === 'remove') return (fields) => removeField(fields, name.lower);
  if (transform.kind === 'replace') return replaceEdit(name, transform, direction, baseUrl);
  const textOf = compileValue(transform.value, baseUrl);
  if (textOf === undefined) {
    onWarning(`a header transform of ${name.text} has an unknown placeholder: ${transform.value}`);
    return undefined;
  }
  const appends = transform.kind === 'append' || (transform.kind === 'add' && direction === 'answer');
  if (appends) return (fields, exchange) => appendField(fields, name, textOf(exchange));
  return (fields, exchange) => setField(fields, name, textOf(exchange));
}

const DOWNSTREAM_BASE_URL = '{DownstreamBaseUrl}';

/** Every occurrence, in the first value of the field. */
function replaceEdit(
  { lower }: FieldName,
  { find, replacement }: Extract<HeaderTransform, { kind: 'replace' }>,
  direction: Direction,
  baseUrl: string,
): Edit | undefined {
  if (find === '') return undefined; // nothing is found
  const text = replacement.replaceAll('{BaseUrl}', () => baseUrl);
  if (direction === 'request' || find !== DOWNSTREAM_BASE_URL)
    return (fields) => replaceFirst(fields, lower, find, text);
  const url = text.endsWith('/') ? text : `${text}/`;
  return (fields, _, downstream) => replaceFirst(fields, lower, downstream, url);
}

function replaceFirst({ names, values }: Fields, lower: string, find: string, text: string): void {
  const index = names.findIndex((name) => name.lower === lower);
  const value = values[index];
  if (value?.includes(find)) values[index] = value.replaceAll(find, () => text);
}

/** Gives the value of an entry for one exchange. */
type TextOf = (exchange: Exchange) => string;

const WHOLE_PLACEHOLDER = /^\{[^{}]*\}$/;

/**
 * The value of an add, set or append entry: a placeholder only if it is the whole text. `undefined` = a
 * placeholder that does not exist.
 */
function compileValue(text: string, baseUrl: string): TextOf | undefined {
  if (!WHOLE_PLACEHOLDER.test(text)) return () => text;
  switch (text) {
    case '{BaseUrl}':
      return () => baseUrl;
    case '{RemoteIpAddress}':
      return ({ clientAddress }) => clientAddress;
    case '{UpstreamHost}':
      return ({ request }) => request.host;
    case '{TraceId}':
      return ({ trace }) => trace.traceId;
    default:
      return undefined;
  }
}
