import type { RegistryRoute } from '../http/exchange.ts';
import { checkCommon } from '../http/query.ts';
import type { RouteDeps } from './deps.ts';

/** Whether there is a leader: there is always this process. */
export function statusRoutes({ address }: RouteDeps): readonly RegistryRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/status/leader',
      respond: ({ query }) => {
        checkCommon(query);
        return { status: 200, json: address() };
      },
    },
    {
      method: 'GET',
      path: '/v1/status/peers',
      respond: ({ query }) => {
        checkCommon(query);
        return { status: 200, json: [address()] };
      },
    },
  ];
}
