import type { WriteKind } from '../acl.ts';
import { checkBody, readCheck } from '../decode/check-body.ts';
import { decodeBody, object, text } from '../decode/decoder.ts';
import {
  expectMay,
  OK,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon, filtered } from '../http/query.ts';
import { type CheckRecord, isStatus, type Status } from '../state/records.ts';
import { expectNoEnterprise } from './agent-services.ts';
import type { RouteDeps } from './deps.ts';
import { checkEntry, SAMPLES } from './entries.ts';

const REPORTS: Readonly<Record<string, Status>> = { pass: 'passing', warn: 'warning', fail: 'critical' };
const updateBody = object({ Status: text, Output: text });

/** Checks of this node and of its services. */
export function agentCheckRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { agent, catalog } = deps;
  return [
    { method: 'PUT', path: '/v1/agent/check/register', respond: (request) => register(request, deps) },
    {
      method: 'PUT',
      path: '/v1/agent/check/deregister/',
      respond: (request) => {
        agent.deregisterCheck(ownCheck(request, deps));
        return OK;
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/checks',
      respond: ({ query }) => {
        checkCommon(query);
        const checks = agent.allChecks();
        const shown = filtered(
          query,
          SAMPLES.check,
          checks.map((check) => checkEntry(catalog, check)),
        );
        return {
          status: 200,
          json: Object.fromEntries(
            (shown as readonly { readonly CheckID: string }[]).map((one) => [one.CheckID, one]),
          ),
        };
      },
    },
    ...Object.entries(REPORTS).map(
      ([verb, status]): RegistryRoute => ({
        method: 'PUT',
        path: `/v1/agent/check/${verb}/`,
        respond: (request) => report(request, deps, status, request.query.get('note') ?? ''),
      }),
    ),
    {
      method: 'PUT',
      path: '/v1/agent/check/update/',
      respond: (request) => {
        const fields = decodeBody(updateBody, request.body);
        if (!fields.ok) throw new Refusal(400, `Request decode failed: ${fields.rejection}`);
        const { Status: status, Output: output } = fields.value;
        if (!isStatus(status)) throw new Refusal(400, `Invalid check status: '${status}'`);
        return report(request, deps, status, output);
      },
    },
  ];
}

function register({ body, query, caller }: RegistryRequest, { agent }: RouteDeps): RegistryResponse {
  checkCommon(query);
  const fields = decodeBody(checkBody, body);
  if (!fields.ok) throw new Refusal(400, `Request decode failed: ${fields.rejection}`);
  expectNoEnterprise(fields.value);
  const { Name: name, ServiceID: serviceId, Status: status } = fields.value;
  if (name === '') throw new Refusal(400, 'Missing check name');
  if (status !== '' && !isStatus(status)) throw new Refusal(400, 'Bad check status');
  const check = readCheck(fields.value);
  if (!check.ok) throw new Refusal(400, `Invalid check: ${check.rejection}`);
  if (check.value === undefined) throw new Refusal(400, 'Invalid check: TTL must be > 0 for TTL checks');
  if (serviceId === '') expectMay(caller, 'node', agent.node);
  else {
    const service = agent.service(serviceId);
    if (service === undefined)
      throw new Refusal(404, `ServiceID ${JSON.stringify(serviceId)} does not exist`);
    expectMay(caller, 'service', service.definition.name);
  }
  agent.registerCheck({ ...check.value, id: check.value.id || name });
  return OK;
}

function report(request: RegistryRequest, deps: RouteDeps, status: Status, output: string): RegistryResponse {
  const check = ownCheck(request, deps);
  if (deps.agent.report(check, status, output)) return OK;
  throw new Refusal(500, `CheckID ${JSON.stringify(request.argument)} does not have associated TTL`);
}

/** The check of that id that the caller may write: another's, if its owner chose so, may have the same. */
function ownCheck({ argument, caller, query }: RegistryRequest, { agent }: RouteDeps): CheckRecord {
  checkCommon(query);
  const [first, ...others] = agent.checks(argument);
  if (first === undefined) {
    const hint = 'Ensure that the check ID is passed, not the check name.';
    throw new Refusal(404, `Unknown check ID ${JSON.stringify(argument)}. ${hint}`);
  }
  const subject = ({ facts }: CheckRecord): readonly [WriteKind, string] =>
    facts.serviceId === ''
      ? ['node', agent.node]
      : ['service', agent.service(facts.serviceId)?.definition.name ?? ''];
  const own = [first, ...others].find((check) => caller.mayWrite(...subject(check)));
  if (own === undefined) throw new Refusal(403, caller.refusal(...subject(first)));
  return own;
}
