import { consulUrl } from '@flotilla/discovery';
import { cliError } from '../errors.ts';

export interface ExternalRegistry {
  readonly url: string;
  /** Empty for a Consul without access control. */
  readonly token: string;
}

/** The Consul in the user's environment, in the place of the embedded registry; `undefined` when there is none. */
export function externalRegistry(
  env: Readonly<Record<string, string | undefined>>,
): ExternalRegistry | undefined {
  const { CONSUL_HTTP_ADDR: address, CONSUL_HTTP_SSL: secure = '', CONSUL_HTTP_TOKEN: token = '' } = env;
  if (!address) return undefined;
  const url = consulUrl(address, /^(?:1|t|true)$/i.test(secure));
  if (!url.ok) throw cliError('CLI_USAGE', `CONSUL_HTTP_ADDR ${url.rejection}`);
  return { url: url.value, token };
}
