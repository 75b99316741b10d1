import { joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import type { TlsFiles } from '../../wire/backend/tls-files.ts';

const OPTIONS = {
  CertificateFile: {
    type: 'string',
    own: true,
    doc: 'PEM file: with this the gateway proves to back ends who it is.',
  },
  KeyFile: { type: 'string', own: true, doc: 'Its key.' },
  CaFile: {
    type: 'string',
    own: true,
    doc: 'PEM file with the authorities of back ends, in place of those of the system.',
  },
  ServerName: {
    type: 'string',
    own: true,
    doc: 'The name that the certificate of a back end must have. Default: the host that is called.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const backendTls = definePolicy({
  keys: {
    DownstreamTlsOptions: {
      type: 'object',
      shape: OPTIONS,
      own: true,
      doc: 'TLS to the back ends. Files that were exchanged are used for new connections within 10 s.',
    },
  },
  read: ({ own, global, owner }): { readonly backendTls: TlsFiles | undefined } => {
    const group = joinGroup(own?.values.DownstreamTlsOptions, global?.values.DownstreamTlsOptions, owner.key);
    const { CertificateFile, KeyFile, CaFile, ServerName } = group?.values ?? {};
    if ((CertificateFile === undefined) !== (KeyFile === undefined))
      group?.error(CertificateFile === undefined ? 'CertificateFile' : 'KeyFile', 'both belong together');
    const files: TlsFiles = {
      ...(CertificateFile && { certFile: CertificateFile }),
      ...(KeyFile && { keyFile: KeyFile }),
      ...(CaFile && { caFile: CaFile }),
      ...(ServerName && { serverName: ServerName }),
    };
    return { backendTls: Object.keys(files).length === 0 ? undefined : files };
  },
});
