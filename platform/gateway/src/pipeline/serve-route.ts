import type { Exchange, Step } from '../exchange.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import { askBackend } from './ask-backend.ts';
import type { Done, ForwardDeps } from './forwarding.ts';
import type { RouteRuntime } from './route-runtime.ts';
import { serveCached } from './serve-cached.ts';

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
  try {
    const outcome = runSteps(route.steps, exchange);
    if (!(outcome instanceof Promise)) proceed(outcome);
    else outcome.then(proceed).catch(fault);
  } catch (error) {
    fault(error); // a step of the user's own
  }

  function proceed(refusal: Refusal | undefined): void {
    if (refusal === undefined) answerOn(exchange, route, deps, done);
    else done(refusal);
  }

  function fault(error: unknown): void {
    deps.onFault(exchange, error, done);
  }
}

function answerOn(exchange: Exchange, route: RouteRuntime, deps: ForwardDeps, done: Done): void {
  if (route.cache === undefined) askBackend(exchange, route, { done }, deps);
  else serveCached(exchange, route, route.cache, deps, done);
}

/** Runs the steps in order until one refuses. Only what must wait makes a promise of it. */
function runSteps(
  steps: readonly Step[],
  exchange: Exchange,
  from: number = 0,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (let index = from; index < steps.length; index += 1) {
    const outcome = steps[index]?.(exchange);
    if (outcome === undefined) continue;
    if (!(outcome instanceof Promise)) return outcome;
    return outcome.then((refusal) => refusal ?? runSteps(steps, exchange, index + 1));
  }
  return undefined;
}
