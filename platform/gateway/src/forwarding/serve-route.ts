import type { Exchange } from '../exchange.ts';
import type { Refusal } from '../refusal.ts';
import { runSteps } from '../run-steps.ts';
import { canFallBack } from '../strangler/decide.ts';
import { type AnswerTap, type ForwardDeps, forward } from './forward.ts';
import type { RouteRuntime, Side } from './route-runtime.ts';

/** Called once: with `undefined` when there is an answer (or nobody to have it), with a refusal when there is none yet. */
export type Done = (refusal: Refusal | undefined) => void;

const NOT_A_HANDSHAKE: Refusal = {
  status: 400,
  code: 'malformed-handshake',
  detail: 'the request is no complete WebSocket handshake',
  headers: [['sec-websocket-version', '13']],
  closes: true,
};

/** One request on its route: all policies, then the back end. */
export function serveRoute(exchange: Exchange, route: RouteRuntime, deps: ForwardDeps, done: Done): void {
  exchange.route = route.config.name;
  if (route.config.webSocket && exchange.request.handshake === 'invalid') {
    done(NOT_A_HANDSHAKE);
    return;
  }
  const outcome = runSteps(route.steps, exchange);
  if (!(outcome instanceof Promise)) {
    if (outcome === undefined) askBackend(exchange, route, deps, done);
    else done(outcome);
    return;
  }
  outcome.then(
    (refusal) => (refusal === undefined ? askBackend(exchange, route, deps, done) : done(refusal)),
    (error: unknown) => deps.onFault(exchange, error, done),
  );
}

function askBackend(exchange: Exchange, route: RouteRuntime, deps: ForwardDeps, done: Done): void {
  const { strangler, side } = route;
  if (strangler === undefined) {
    forward(exchange, route, { side, tap: undefined, fallback: undefined, done }, deps);
    return;
  }
  const sides = { legacy: side, new: strangler.side };
  const plan = strangler.sideFor(exchange);
  const { fallback } = plan;
  const take = (other: Side) => {
    strangler.countFallback();
    forward(exchange, route, { side: other, tap: undefined, fallback: undefined, done }, deps);
  };
  forward(
    exchange,
    route,
    {
      side: sides[plan.first],
      tap: plan.isShadowed ? shadowTap(exchange, strangler) : undefined,
      fallback: fallback && {
        accepts: (outcome) =>
          typeof outcome === 'number'
            ? strangler.fallsBackOn(outcome) && canFallBack(exchange, 'status')
            : canFallBack(exchange, outcome),
        take: () => take(sides[fallback]),
      },
      done,
    },
    deps,
  );
}

/** The new side gets a copy; what the client gets passes by the comparison. */
function shadowTap(
  exchange: Exchange,
  strangler: NonNullable<RouteRuntime['strangler']>,
): AnswerTap | undefined {
  const target = strangler.side.urlFor(exchange);
  if (typeof target !== 'string') return undefined;
  const { method, fields } = exchange.outgoing;
  const shadow = strangler.shadow(exchange, { method, target, fields });
  return (
    shadow && {
      head: shadow.head,
      data: shadow.data,
      end: (how) => (how === 'complete' ? shadow.end() : shadow.lost()),
    }
  );
}
