import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import { isOrigin } from '../cors/config.ts';

export interface WebSocketConfig {
  /** May a handshake pass as one? Else it is a plain request. */
  readonly allowsWebSocket: boolean;
  /** Origins beside its own that may open WebSockets. */
  readonly webSocketOrigins: readonly string[];
  /** A WebSocket without a byte from either side is closed after this. `Infinity` = never. */
  readonly webSocketIdleMs: number;
}

const WEB_SOCKET = {
  Enabled: {
    type: 'boolean',
    own: true,
    doc: 'May WebSockets be opened? Default: yes as in Ocelot, also with the scheme `http`; but where some route of the file has `ws` or `wss`, only those. Strict: yes.',
  },
  AllowedOrigins: {
    type: 'strings',
    own: true,
    doc: "Origins beside the gateway's own that may open WebSockets.",
  },
  IdleTimeout: {
    type: 'integer',
    minimum: 0,
    default: 600,
    own: true,
    doc: 'Without a byte from either side for so long, both are closed, s; 0 = no limit.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const webSocket = definePolicy({
  keys: {
    WebSocketOptions: {
      type: 'object',
      shape: WEB_SOCKET,
      own: true,
      doc: 'Who may open WebSockets, and how long they may be silent.',
    },
  },
  read: ({ own, global, owner, context }) =>
    readWebSocket(
      joinGroup(own?.values.WebSocketOptions, global?.values.WebSocketOptions, owner.key),
      context.strict || owner.isWebSocket || !context.namesWebSockets,
    ),
});

function readWebSocket(
  group: Group<typeof WEB_SOCKET> | undefined,
  allowsByDefault: boolean,
): WebSocketConfig {
  const origins = group?.values.AllowedOrigins ?? [];
  for (const origin of origins)
    if (!isOrigin(origin))
      group?.error('AllowedOrigins', `${origin} is no origin such as https://shop.example`);
  const idleSeconds = group?.values.IdleTimeout ?? 600;
  return {
    allowsWebSocket: group?.values.Enabled ?? allowsByDefault,
    webSocketOrigins: origins,
    webSocketIdleMs: idleSeconds === 0 ? Number.POSITIVE_INFINITY : idleSeconds * 1000,
  };
}
