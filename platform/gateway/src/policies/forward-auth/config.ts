import { joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';
import { fieldName } from '../../wire/rules/field-names.ts';

export interface ForwardAuthConfig {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Of `Host`. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  readonly timeoutMs: number;
  /** Of the client, lower case. */
  readonly requestHeaders: readonly string[];
  /** Of the answer, for the back end, as written. */
  readonly answerHeaders: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 1_000;
const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;

const OPTIONS = {
  Url: { type: 'string', required: true, own: true, doc: 'Whom to ask, with GET.' },
  Timeout: {
    type: 'integer',
    minimum: 1,
    default: DEFAULT_TIMEOUT_MS,
    own: true,
    doc: 'For its answer, ms; then the request is refused.',
  },
  RequestHeaders: {
    type: 'strings',
    own: true,
    doc: 'Of the client, what it is told. Default: `Authorization`, `Cookie`.',
  },
  AnswerHeaders: {
    type: 'strings',
    own: true,
    doc: 'Of its answer, what the back end is told: `X-User`. What clients send under these names never passes.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const forwardAuth = definePolicy({
  keys: {
    ForwardAuthOptions: {
      type: 'object',
      shape: OPTIONS,
      own: true,
      doc: 'A service that decides who may come in; absent = off.',
    },
  },
  read: ({ own, global, owner }): { readonly forwardAuth: ForwardAuthConfig | undefined } => {
    const group = joinGroup(own?.values.ForwardAuthOptions, global?.values.ForwardAuthOptions, owner.key);
    if (group === undefined) return { forwardAuth: undefined };
    const { Url: text = '', Timeout = DEFAULT_TIMEOUT_MS, AnswerHeaders = [] } = group.values;
    const RequestHeaders = group.values.RequestHeaders ?? ['Authorization', 'Cookie'];
    for (const key of ['RequestHeaders', 'AnswerHeaders'] as const)
      for (const name of group.values[key] ?? [])
        if (!isToken(name) || fieldName(name).isHopByHop || /^(?:host|content-length)$/i.test(name))
          group.error(key, `${name} is no header that can be told`);
    const url = URL.parse(text);
    const protocol = url?.protocol;
    if (url === null || (protocol !== 'http:' && protocol !== 'https:') || url.username !== '') {
      group.error('Url', 'must be an http or https URL without a user');
      return { forwardAuth: undefined };
    }
    return {
      forwardAuth: {
        secure: protocol === 'https:',
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: Number(url.port) || DEFAULT_PORTS[protocol],
        authority: url.host,
        target: url.pathname + url.search,
        timeoutMs: Timeout,
        requestHeaders: RequestHeaders.map((name) => name.toLowerCase()),
        answerHeaders: AnswerHeaders,
      },
    };
  },
});
