import type { RequestBody, RequestHead } from '../rules/request.ts';
import type { ClientResponse } from '../rules/response.ts';

/** One request with the way back, whatever protocol it came in. */
export interface Incoming {
  readonly request: RequestHead;
  readonly body: RequestBody;
  readonly answer: ClientResponse;
  /** Of the TCP peer, never in the `::ffff:` form. */
  readonly peerAddress: string;
  readonly secure: boolean;
  /** With which the client proved who it is in the handshake: base64 of its DER. */
  readonly clientCertificate: string | undefined;
}
