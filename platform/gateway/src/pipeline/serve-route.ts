import type { Exchange } from '../exchange.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import { askBackend, type Done } from './ask-backend.ts';
import type { ForwardDeps } from './forwarding.ts';
import type { RouteRuntime } from './route-runtime.ts';
import { runSteps } from './run-steps.ts';
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
    if (!(outcome instanceof Promise)) goOn(outcome);
    else outcome.then(goOn).catch(fault);
  } catch (error) {
    fault(error); // a step of the user's own
  }

  function goOn(refusal: Refusal | undefined): void {
    if (refusal === undefined) answerOn(exchange, route, deps, done);
    else done(refusal);
  }

  function fault(error: unknown): void {
    deps.onFault(exchange, error, done);
  }
}

function answerOn(exchange: Exchange, route: RouteRuntime, deps: ForwardDeps, done: Done): void {
  if (route.cache === undefined) askBackend(exchange, route, {}, deps, done);
  else serveCached(exchange, route, route.cache, deps, done);
}
