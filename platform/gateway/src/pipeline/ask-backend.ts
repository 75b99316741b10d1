import type { Exchange } from '../exchange.ts';
import { canFallBack } from '../policies/strangler/decide.ts';
import { forward } from './attempts.ts';
import type { Fallback, ForwardDeps, ResponseSink, ResponseTap } from './forwarding.ts';
import type { RouteRuntime, Side } from './route-runtime.ts';

/**
 * Forwards to the back end; with a strangler, to the side that is to answer this request. `waitedMs`: spent already, waiting for the
 * response to another request.
 */
export function askBackend(
  exchange: Exchange,
  route: RouteRuntime,
  sink: ResponseSink,
  deps: ForwardDeps,
  waitedMs: number = 0,
): void {
  const { strangler, side } = route;
  const timeoutMs = Math.max(0, route.config.timeoutMs - waitedMs);
  if (strangler === undefined) {
    forward(exchange, route, { side, sink, timeoutMs }, deps);
    return;
  }
  const sides = { legacy: side, new: strangler.side };
  const plan = strangler.sideFor(exchange);
  const other = plan.fallback && sides[plan.fallback];
  const shadow = plan.isShadowed ? shadowTap(exchange, strangler) : undefined;
  const otherSide = other && {
    accepts: (outcome: Parameters<Fallback['accepts']>[0]) =>
      typeof outcome === 'number'
        ? strangler.fallsBackOn(outcome) && canFallBack(exchange, 'status')
        : canFallBack(exchange, outcome),
    take: () => {
      strangler.countFallback();
      forward(exchange, route, { side: other, sink, timeoutMs }, deps);
    },
  };
  const ofFirst: ResponseSink = {
    tap: both(sink.tap, shadow),
    fallback: firstOf(otherSide, sink.fallback),
    done: sink.done,
  };
  forward(exchange, route, { side: sides[plan.first], sink: ofFirst, timeoutMs }, deps);
}

/** The new side gets a copy; what the client gets passes by the comparison. */
function shadowTap(
  exchange: Exchange,
  strangler: { readonly side: Side } & Pick<NonNullable<RouteRuntime['strangler']>, 'shadow'>,
): ResponseTap | undefined {
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

function both(one: ResponseTap | undefined, other: ResponseTap | undefined): ResponseTap | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    head: (head, backend) => {
      one.head(head, backend);
      other.head(head, backend);
    },
    data: (chunk) => {
      one.data(chunk);
      other.data(chunk);
    },
    end: (how) => {
      one.end(how);
      other.end(how);
    },
  };
}

function firstOf(one: Fallback | undefined, other: Fallback | undefined): Fallback | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  let chosen = one;
  return {
    accepts: (outcome) => {
      chosen = one.accepts(outcome) ? one : other;
      return chosen === one || other.accepts(outcome);
    },
    take: () => chosen.take(),
  };
}
