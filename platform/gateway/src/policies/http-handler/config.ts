import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import { positive } from '../../grammar/scalars.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface HandlerConfig {
  readonly followsRedirects: boolean;
  readonly usesCookieJar: boolean;
  readonly maxConnections: number;
  readonly connectionLifetimeMs: number;
}

const HANDLER = {
  AllowAutoRedirect: { type: 'boolean', default: false, doc: 'Redirects of the back end are followed.' },
  UseCookieContainer: {
    type: 'boolean',
    default: false,
    doc: 'Cookies of the back end are kept and sent with later requests, of all clients.',
  },
  MaxConnectionsPerServer: {
    type: 'integer',
    doc: 'Simultaneous connections to one host; 0 or less = no limit.',
  },
  PooledConnectionLifetimeSeconds: { type: 'integer', default: 120, doc: 'Age of a connection.' },
  UseProxy: { type: 'boolean', default: false, doc: 'Accepted without effect.' },
  UseTracing: { type: 'boolean', default: false, doc: 'Accepted: traces are always written.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const httpHandler = definePolicy({
  keys: { HttpHandlerOptions: { type: 'object', shape: HANDLER, doc: 'Connections to the back ends.' } },
  read: ({ own, global, owner }) => ({
    handler: readHandler(
      joinGroup(own?.values.HttpHandlerOptions, global?.values.HttpHandlerOptions, owner.key),
    ),
  }),
});

const DEFAULT_HANDLER: HandlerConfig = {
  followsRedirects: false,
  usesCookieJar: false,
  maxConnections: Number.POSITIVE_INFINITY,
  connectionLifetimeMs: 120_000,
};

function readHandler(group: Group<typeof HANDLER> | undefined): HandlerConfig {
  if (group === undefined) return DEFAULT_HANDLER;
  const usesCookieJar = group.values.UseCookieContainer ?? DEFAULT_HANDLER.usesCookieJar;
  if (usesCookieJar) group.warn('UseCookieContainer', 'one cookie jar is shared by all clients of the route');
  const lifetimeSeconds = positive(group.values.PooledConnectionLifetimeSeconds);
  return {
    followsRedirects: group.values.AllowAutoRedirect ?? DEFAULT_HANDLER.followsRedirects,
    usesCookieJar,
    maxConnections: positive(group.values.MaxConnectionsPerServer) ?? DEFAULT_HANDLER.maxConnections,
    connectionLifetimeMs:
      lifetimeSeconds === undefined ? DEFAULT_HANDLER.connectionLifetimeMs : lifetimeSeconds * 1000,
  };
}
