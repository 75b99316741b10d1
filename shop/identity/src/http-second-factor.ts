import { created, handle, noContent, ok, problem, type RouteHandler } from '@flotilla/http';
import { addressOwner } from '@flotilla/kernel/addresses';
import * as contract from '@shop/contracts';
import {
  beginSecondFactor,
  confirmSecondFactor,
  removeSecondFactor,
  type SecondFactorDeps,
  type SecondFactorRejection,
  type TellOfSecondFactorDeps,
} from './features/second-factor.ts';
import { tooMany } from './too-many.ts';

const NOT_STORED = { 'cache-control': 'no-store' };

export function secondFactorRoutes(deps: SecondFactorDeps & TellOfSecondFactorDeps): readonly RouteHandler[] {
  return [
    handle(contract.getSecondFactor, async ({ principal }) =>
      ok(await deps.secondFactors.state(principal.subject), NOT_STORED),
    ),

    handle(contract.beginSecondFactor, async ({ principal, body, clientAddress, signal }) => {
      const who = { ...body, accountId: principal.subject, address: addressOwner(clientAddress) };
      const outcome = await beginSecondFactor(deps, who, signal);
      return outcome.ok ? created(outcome.value, NOT_STORED) : refused(outcome.rejection);
    }),

    handle(contract.confirmSecondFactor, async ({ principal, body }) => {
      const recoveryCodes = await confirmSecondFactor(deps, principal.subject, body.code);
      if (recoveryCodes !== undefined) return ok({ recoveryCodes }, NOT_STORED);
      return problem(422, 'wrong-code', 'The code is wrong, or nothing was begun that it could confirm.');
    }),

    handle(contract.removeSecondFactor, async ({ principal, body, clientAddress, signal }) => {
      const who = { ...body, accountId: principal.subject, address: addressOwner(clientAddress) };
      const outcome = await removeSecondFactor(deps, who, signal);
      return outcome.ok ? noContent() : refused(outcome.rejection);
    }),
  ];
}

function refused(rejection: SecondFactorRejection) {
  switch (rejection.code) {
    case 'invalid-credentials':
      return problem(403, 'wrong-password');
    case 'too-many-attempts':
      return tooMany('Too many failed attempts. Wait before the next one.', rejection.waitMs);
    case 'not-found':
      return problem(404, 'not-found', 'There is no account behind this token.');
    case 'second-factor-on':
      return problem(409, 'second-factor-on', 'Remove the one that is on before you begin with another.');
    default:
      return problem(403, rejection.code);
  }
}
