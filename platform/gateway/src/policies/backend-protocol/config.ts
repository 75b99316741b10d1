import { definePolicy, type PolicyInput } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface BackendProtocolConfig {
  /** `2-or-lower`: what TLS agrees on. */
  readonly downstreamProtocol: '1.1' | '2' | '2-or-lower';
  readonly verifyCertificate: boolean;
}

const KEYS = {
  DownstreamHttpVersion: {
    type: 'string',
    default: '1.1',
    doc: 'HTTP version towards the back end: 1.1 or 2.0.',
  },
  DownstreamHttpVersionPolicy: {
    type: 'string',
    oneOf: ['RequestVersionOrLower', 'RequestVersionExact', 'RequestVersionOrHigher'],
    default: 'RequestVersionOrLower',
    doc: '`OrLower`: HTTP/2 where TLS agrees on it, else 1.1, in the clear always; the others: nothing but HTTP/2, in the clear, too.',
  },
  DangerousAcceptAnyServerCertificateValidator: {
    type: 'boolean',
    default: false,
    doc: 'No TLS verification of the back ends.',
  },
} as const satisfies SectionShape;

type Input = PolicyInput<typeof KEYS>;

export const backendProtocol = definePolicy({
  keys: KEYS,
  read: (input): BackendProtocolConfig => ({
    downstreamProtocol: readProtocol(input),
    verifyCertificate: readVerification(input),
  }),
});

function readVerification({ own, global }: Input): boolean {
  const key = 'DangerousAcceptAnyServerCertificateValidator';
  if ((own?.values[key] ?? global?.values[key]) !== true) return true;
  (own ?? global)?.warn(key, 'certificates of the back ends are not verified');
  return false;
}

function readProtocol({ own, global, owner }: Input): BackendProtocolConfig['downstreamProtocol'] {
  const inherited = owner.inheritsVersion ? global?.values : undefined;
  const version = own?.values.DownstreamHttpVersion || inherited?.DownstreamHttpVersion || '1.1';
  if (!/^[0-9](?:[.,][0-9])?$/.test(version))
    (own ?? global)?.error('DownstreamHttpVersion', `${version} is no version such as 1.1 or 2.0`);
  if (!version.startsWith('2')) return '1.1';
  const policy = own?.values.DownstreamHttpVersionPolicy ?? inherited?.DownstreamHttpVersionPolicy;
  if ((policy ?? 'RequestVersionOrLower') !== 'RequestVersionOrLower') return '2';
  // Without TLS nothing is negotiated: "or lower" then means lower.
  return owner.scheme === 'https' ? '2-or-lower' : '1.1';
}
