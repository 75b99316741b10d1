import { joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface ClientCertificateConfig {
  readonly isRequired: boolean;
  readonly isHandedOn: boolean;
  /** A trusted proxy in front ends TLS and says the certificate in `Client-Cert`. */
  readonly isOfProxy: boolean;
}

const OPTIONS = {
  Required: { type: 'boolean', default: false, own: true, doc: 'Without one that is trusted it is 403.' },
  HandOn: {
    type: 'boolean',
    default: false,
    own: true,
    doc: 'The back end gets it as `Client-Cert` (RFC 9440). What clients send under that name never passes.',
  },
  FromProxy: {
    type: 'boolean',
    default: false,
    own: true,
    doc: 'The `Client-Cert` of `TrustedProxies` counts. Only where they write that field themselves and let none of a client pass.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const clientCertificate = definePolicy({
  keys: {
    ClientCertificateOptions: {
      type: 'object',
      shape: OPTIONS,
      own: true,
      doc: 'Certificates of clients, which are asked for with `--tls-client-ca`.',
    },
  },
  read: ({ own, global, owner }): { readonly clientCertificate: ClientCertificateConfig | undefined } => {
    const group = joinGroup(
      own?.values.ClientCertificateOptions,
      global?.values.ClientCertificateOptions,
      owner.key,
    );
    const { Required: isRequired = false, HandOn: isHandedOn = false, FromProxy } = group?.values ?? {};
    if (!isRequired && !isHandedOn) return { clientCertificate: undefined };
    return { clientCertificate: { isRequired, isHandedOn, isOfProxy: FromProxy ?? false } };
  },
});
