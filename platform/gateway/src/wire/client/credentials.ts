import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';

export interface Certificate {
  /** PEM, with the certificates between it and its authority. */
  readonly cert: string;
  readonly key: string;
}

/** With what a port proves who it is. */
export interface ServerCredentials extends Certificate {
  /** Shown to clients that ask for a name of theirs (SNI) and not for one of the first, which all others get. */
  readonly more?: readonly Certificate[];
  /** PEM: authorities of client certificates. With it clients are asked for one. */
  readonly clientCa?: string;
}

/** Which certificate a client gets. */
export interface Contexts {
  /** Of whoever names none, or a name that no certificate has. */
  readonly first: SecureContextOptions;
  /** `undefined` = the first. */
  find(serverName: string): SecureContext | undefined;
}

/** Throws what `node:tls` throws when they are no good. */
export function createContexts(credentials: ServerCredentials): Contexts {
  const { cert, key, more = [], clientCa } = credentials;
  const trust = clientCa === undefined ? {} : { ca: clientCa };
  const first = { cert, key, ...trust };
  createSecureContext(first); // now, not in the first handshake
  const mine = more.length === 0 ? undefined : new X509Certificate(cert);
  const others = more.map((one) => ({
    certificate: new X509Certificate(one.cert),
    context: createSecureContext({ cert: one.cert, key: one.key, ...trust }),
  }));
  return {
    first,
    find: (serverName) => {
      if (mine === undefined || mine.checkHost(serverName) !== undefined) return undefined;
      return others.find(({ certificate }) => certificate.checkHost(serverName) !== undefined)?.context;
    },
  };
}

/** The certificate with which the client proved who it is, as base64 of its DER; `undefined` = none, or none that is trusted. */
export function provenCertificate(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.raw.toString('base64');
}
