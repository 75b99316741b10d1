import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, fieldValue } from '../../wire/rules/fields.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { ClientCertificateConfig } from './config.ts';

const CLIENT_CERT = fieldName('Client-Cert');
const NO_CERTIFICATE: Refusal = { status: 403, code: 'client-certificate-required' };
/** A byte sequence of RFC 8941: what is told is one certificate in DER. */
const BYTES = /^:[A-Za-z0-9+/]+={0,2}:$/;

/**
 * Refuses who has no certificate that is trusted, and tells the back end the certificate. Whether it is trusted was decided in the
 * handshake; `isTrustedProxy` says whose word counts beside it.
 */
export function compileClientCertificate(
  config: ClientCertificateConfig | undefined,
  isTrustedProxy: (address: string) => boolean,
): Step | undefined {
  if (config === undefined) return undefined;
  const { isRequired, isHandedOn, isOfProxy } = config;
  return (exchange) => {
    const { request, outgoing, clientCertificate, peerAddress } = exchange;
    const own = clientCertificate === undefined ? undefined : `:${clientCertificate}:`;
    const told =
      isOfProxy && isTrustedProxy(peerAddress) ? fieldValue(request.fields, CLIENT_CERT.lower) : undefined;
    // Behind a proxy the certificate of the connection is the proxy's own.
    const value = told === undefined ? own : BYTES.test(told) ? told : undefined;
    if (value === undefined) return isRequired ? NO_CERTIFICATE : undefined;
    if (!isHandedOn) return undefined;
    exchange.isPersonal = true;
    appendField(outgoing.fields, CLIENT_CERT, value);
    return undefined;
  };
}
